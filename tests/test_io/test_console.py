"""A sign of life when nothing was printed, and no noise."""
import io
import re
import threading
import time
import types
import warnings

import pytest

from mmxkd.io.console import Console, Watched

QUIET = 0.3


@pytest.fixture
def watched():
    """A console that watches, the stream, and what was printed."""
    console, stop, shown = Console(QUIET), threading.Event(), io.StringIO()
    thread = threading.Thread(target=console.watch, args=(stop, shown.write))
    thread.start()
    yield console, Watched(shown, console), shown
    stop.set()
    thread.join()


def signs(shown):
    return [
        line for line in shown.getvalue().splitlines()
        if line.startswith('[mmxkd]')
    ]


def test_silence_is_broken(watched):
    console, _, shown = watched
    console.doing('building the model')
    end = time.monotonic() + 30
    while len(signs(shown)) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert all(
        line.startswith('[mmxkd] building the model')
        for line in signs(shown)[:2])
    assert len(signs(shown)) >= 2


def test_who_prints_is_left_alone(watched):
    console, stream, shown = watched
    console.quiet = 5.0
    for i in range(40):
        time.sleep(0.01)
        print(f'line {i}', file=stream)
    assert not signs(shown)
    assert len(shown.getvalue().splitlines()) == 40


def test_what_it_says():
    console = Console()
    console.doing('reading the data')
    assert console.sign() == '[mmxkd] reading the data'
    console._since -= 31
    assert console.sign() == '[mmxkd] reading the data, for 31 s'
    console.doing(lambda: f'iteration {3 + 4}')
    assert console.sign() == '[mmxkd] iteration 7'


def test_it_names_the_function_at_work():
    """Of the main thread: another one, the watch's own, asks."""

    def slow_part(go, wait):
        go.set()
        wait.wait()

    # As if it stood in a module of the package.
    slow_part = types.FunctionType(slow_part.__code__,
                                   {'__name__': 'mmxkd.families.slow'})
    console, go, wait, found = Console(), *(threading.Event()
                                            for _ in range(2)), []

    def ask():
        go.wait()
        found.append(console.sign())
        wait.set()

    thread = threading.Thread(target=ask)
    thread.start()
    console.doing('building the model')
    slow_part(go, wait)
    thread.join()
    assert found == [
        '[mmxkd] building the model (in mmxkd.families.slow.slow_part)'
    ]


def test_the_noise_of_pycocotools_is_swallowed():
    shown = io.StringIO()
    stream = Watched(shown, Console())
    for line in ('loading annotations into memory...', 'Done (t=0.02s)',
                 'kept', 'creating index...', 'index created!', '',
                 'index created! Of mine'):
        print(line, file=stream)
    assert shown.getvalue() == 'kept\n\nindex created! Of mine\n'


def test_the_stream_is_itself_beside(tmp_path):
    with open(tmp_path / 'out.txt', 'w') as file:
        stream = Watched(file, Console())
        assert stream.fileno() == file.fileno()
        assert stream.encoding == file.encoding
        assert not stream.isatty()


def test_warnings_of_packages_about_packages_are_kept():
    console, kept = Console(), []
    installed = warnings.__file__  # of the standard library
    stale = FutureWarning('will be removed')
    assert not console.warn(stale, FutureWarning, installed)
    console.keep(kept.append)
    assert kept == [f'{installed}: FutureWarning: will be removed']
    assert not console.warn('torch.meshgrid: in an upcoming release, …',
                            UserWarning, 'my_module.py')
    assert len(kept) == 2
    # A user can act on these.
    assert console.warn(stale, FutureWarning, 'my_module.py')
    assert console.warn('no boxes', UserWarning, installed)
    assert len(kept) == 2


@pytest.mark.parametrize('rank, alive', [('0', True), ('1', False)])
def test_a_process_that_starts_it(run_python, rank, alive):
    """Of several processes, the first gives signs of life."""
    code = '''
import time, warnings
from mmxkd.io import console
console.QUIET = 0.2
console.Console.__init__.__defaults__ = (0.2, )
console.start('sleeping')
console.start('again')
print('index created!')
warnings.warn('torch.meshgrid: in an upcoming release')
time.sleep(3)
print('woke up')
kept = []
console.keep(kept.append)
print(len(kept))
'''
    done = run_python('-c', code, RANK=rank)
    lines = done.stdout.splitlines()
    assert lines[-2:] == ['woke up', '1'] and not done.stderr
    assert len(lines) > 3 if alive else len(lines) == 2
    assert all(re.fullmatch(r'\[mmxkd\] sleeping.*', x) for x in lines[:-2])
