"""A fork of the server does what a new interpreter does with a script."""
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.helpers.warm_start import run_script

SAYS_ALL = '''
import atexit, json, os, sys
atexit.register(print, 'the end', flush=True)
print(json.dumps([__name__, sys.argv[1:], os.getcwd(), sys.path[0],
                  os.environ.get('MINE'), os.environ.get('THEIRS'),
                  sys.stdin.read()]))
print('bad', file=sys.stderr)
import beside
'''


@pytest.fixture
def script(tmp_path):
    path = tmp_path / 'script.py'

    def write(text):
        path.write_text(text)
        return path

    return write


def in_new_interpreter(path, *args, **how):
    return subprocess.run([sys.executable, path, *args], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, **how)


def test_all_but_the_imports_is_its_own(script, tmp_path, monkeypatch):
    monkeypatch.setenv('THEIRS', 'not for it')
    (tmp_path / 'beside.py').write_text('print("beside")')
    path = script(SAYS_ALL)
    environment = {k: v for k, v in os.environ.items() if k != 'THEIRS'}
    environment['MINE'] = 'ü'
    done, new = (run(path, '--width', '2', cwd=tmp_path, **{name: environment})
                 for run, name in ((run_script, 'environment'),
                                   (in_new_interpreter, 'env')))
    first, *rest = done.stdout.splitlines()
    assert json.loads(first) == [
        '__main__', ['--width', '2'],
        str(tmp_path),
        str(tmp_path), 'ü', None, ''
    ]
    assert rest == ['beside', 'the end']
    assert (done.returncode, done.stdout, done.stderr) == (0, new.stdout,
                                                           new.stderr)


@pytest.mark.parametrize('text, code', [
    ('import sys; sys.exit(3)', 3),
    ('import sys; sys.exit("a reason")', 1),
    ('import os; os._exit(4)', 4),
    ('import os, signal; os.kill(os.getpid(), signal.SIGKILL)',
     -signal.SIGKILL),
    ('import threading, time; threading.Thread(target=lambda: '
     '(time.sleep(.2), print("late"))).start()', 0),
])  # yapf: disable
def test_it_ends_as_a_new_interpreter(script, text, code):
    done, new = (run(script(text)) for run in (run_script, in_new_interpreter))
    assert done.returncode == new.returncode == code
    assert (done.stdout, done.stderr) == (new.stdout, new.stderr)


def test_an_error_has_its_traceback(script):
    done = run_script(script('1 / 0'))
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith('Traceback')
    assert done.stderr.endswith('ZeroDivisionError: division by zero\n')


def test_modules_of_pythonpath_are_found(script, tmp_path):
    folder = tmp_path / 'more'
    folder.mkdir()
    (folder / 'one_more.py').write_text('NUMBER = 5')
    done = run_script(script('import one_more; print(one_more.NUMBER)'),
                      environment=dict(os.environ, PYTHONPATH=str(folder)))
    assert done.stdout == '5\n', done.stderr


def test_nothing_stays_for_the_next_one(script):
    run_script(script('import mmdet, os; mmdet.left = os.environ["LEFT"] = 1'))
    done = run_script(
        script('import mmdet, os\n'
               'print(hasattr(mmdet, "left"), os.environ.get("LEFT"))'))
    assert done.stdout == 'False None\n'


def test_of_mmxkd_no_more_is_there_than_import_mmxkd_brings(script):
    text = ('import {}\nimport sys\n'
            'print(sorted(n for n in sys.modules if n.startswith("mmxkd")))')
    new = in_new_interpreter(
        script(
            text.format('mmxkd, mmdet.apis, mmdet.models, mmdet.datasets, '
                        'mmdet.engine, mmdet.evaluation')))
    assert run_script(script(text.format('mmxkd'))).stdout == new.stdout


def test_one_that_hangs_is_killed_and_the_next_one_runs(script):
    with pytest.raises(subprocess.TimeoutExpired, match=r'script\.py'):
        run_script(script('import time; time.sleep(100)'), timeout=0.5)
    assert run_script(script('print("next")')).stdout == 'next\n'
