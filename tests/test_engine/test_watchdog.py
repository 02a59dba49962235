"""The threads that end a process; each case is a process of its own."""
import signal
import time

import pytest
from mmengine.config import Config

from mmxkd.engine.launch import WAIT, add_guards
from tests.helpers.forked import run_forked

STUCK = """
import ctypes, os, signal, sys, time
from mmxkd.engine.watchdog import SignalWatch, Watchdog, runs_in
signal.signal(signal.SIGTERM, lambda *args: None)
libc = ctypes.CDLL(None)
def stuck_in_c():
    while True:
        libc.sleep(100)
"""


@pytest.fixture
def run(tmp_path):
    """Runs code in a child; gives how it ended."""

    def code(text):
        return run_forked(
            lambda: exec(  # noqa: S102
                compile(STUCK + text, '<case>', 'exec'),
                dict(__name__='__main__')),
            tmp_path / 'log',
            timeout=60)

    return code


def test_it_ends_a_process_without_progress(run):
    done = run('dog = Watchdog(1, lambda: "no progress at x")\n'
               'dog.feed(); stuck_in_c()')
    assert done.code == 1 and done.seconds < 15
    assert 'no progress at x' in done.output
    assert 'in stuck_in_c' in done.output


def test_also_one_that_holds_the_interpreter(run):
    done = run('dog = Watchdog(1, lambda: "never seen"); dog.feed()\n'
               'time.sleep(0.6); ctypes.PyDLL(None).sleep(100)')
    assert done.code == 1 and done.seconds < 20
    assert 'never seen' not in done.output
    assert 'Timeout' in done.output


def test_it_lets_live_who_feeds_it_or_stops_it(run):
    done = run('dog = Watchdog(1, lambda: "too early")\n'
               'for _ in range(8): time.sleep(0.3); dog.feed()\n'
               'dog.stop(); time.sleep(2); print("alive")')
    assert done.code == 0 and 'alive' in done.output


LIVES = {
    'what has no limit': """
dog.feed(limited=False); time.sleep(2)
dog.feed(); dog.feed(limited=False); ctypes.PyDLL(None).sleep(5)
""",
    'outside of the runner': """
dog.counts = runs_in('mmengine.runner')
dog.feed(); time.sleep(2)
""",
    'stopped for a while': """
import subprocess
dog.timeout = 4
subprocess.Popen(['sh', '-c', f'sleep 5; kill -CONT {os.getpid()}'])
dog.feed()
os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(0.6)
dog.feed(limited=False)
""",
    'a debugger': """
import pdb
from io import StringIO
class Asked(StringIO):
    def readline(self):
        time.sleep(2)
        return 'continue' + chr(10)
dog.feed()
pdb.Pdb(stdin=Asked(), stdout=StringIO(), nosigint=True).set_trace()
sys.settrace(None)
dog.feed(limited=False)
""",
    'one that is told to wait': """
dog.explain = lambda: None
dog.feed(); time.sleep(6)
""",
}  # yapf: disable


@pytest.mark.parametrize('case', LIVES)
def test_it_lets_live(run, case):
    done = run('dog = Watchdog(1, lambda: "too early")\n'
               f'{LIVES[case]}dog.stop(); print("alive")')
    assert done.code == 0, done.output
    assert 'alive' in done.output


def test_the_runner_is_seen_on_the_stack(run):
    done = run('dog = Watchdog(1, lambda: "stuck", runs_in("a.b"))\n'
               'dog.feed()\n'
               'exec("time.sleep(50)", dict(time=time, '
               '__name__="a.b.c"))')
    assert done.code == 1 and done.seconds < 30 and 'stuck' in done.output


def test_an_explanation_that_fails_ends_it_too(run):
    done = run('dog = Watchdog(1, lambda: 1 / 0)\ndog.feed(); stuck_in_c()')
    assert done.code == 1 and 'ZeroDivisionError' in done.output


def test_its_workers_end_too(run):
    done = run('import multiprocessing\n'
               'child = multiprocessing.get_context("fork").Process('
               'target=time.sleep, args=(60,), daemon=True)\n'
               'child.start(); print(child.pid, flush=True)\n'
               'dog = Watchdog(1, lambda: "end"); dog.feed()\n'
               'stuck_in_c()')
    assert done.code == 1
    pid = int(done.output.split()[0])
    deadline = time.monotonic() + 5
    while _lives(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _lives(pid):
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_a_signal_that_nobody_heeds(run):
    done = run('SignalWatch((15,), lambda: 1, lambda: "asked to stop")\n'
               'os.kill(os.getpid(), signal.SIGTERM); stuck_in_c()')
    assert done.code == 128 + signal.SIGTERM and done.seconds < 15
    assert 'asked to stop' in done.output


def test_a_second_signal_is_not_absorbed(run):
    done = run('SignalWatch((15,), lambda: float("inf"), lambda: "second")\n'
               'def send():\n'
               '    for _ in range(2):\n'
               '        time.sleep(1); os.kill(os.getpid(), signal.SIGTERM)\n'
               'import threading; threading.Thread(target=send).start()\n'
               'stuck_in_c()')
    assert done.code == 128 + signal.SIGTERM and done.seconds < 15
    assert 'second' in done.output


def test_signals_of_a_worker_are_its_own(run):
    """A forked worker that is told to stop does not stop the process."""
    done = run('watch = SignalWatch((15,), lambda: 0.5, lambda: "no")\n'
               'child = os.fork()\n'
               'if not child:\n'
               '    time.sleep(30); os._exit(0)\n'
               'time.sleep(0.5); os.kill(child, signal.SIGTERM)\n'
               'time.sleep(2); os.kill(child, signal.SIGKILL)\n'
               'watch.stop(); print("alive")')
    assert done.code == 0 and 'alive' in done.output


def test_after_it_stopped_signals_are_heeded_as_before(run):
    done = run('watch = SignalWatch((15,), lambda: 0.5, lambda: "no")\n'
               'watch.stop(); os.kill(os.getpid(), signal.SIGTERM)\n'
               'time.sleep(2); print("alive")')
    assert done.code == 0 and 'alive' in done.output


def test_a_timeout_is_set():
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(backend='nccl'))))
    add_guards(cfg)
    assert cfg.env_cfg.dist_cfg == dict(backend='nccl', timeout=WAIT)
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(timeout=20))))
    add_guards(cfg)
    assert cfg.env_cfg.dist_cfg == dict(timeout=20)
    cfg = Config(dict())
    add_guards(cfg)
    assert cfg.env_cfg.dist_cfg.timeout == WAIT
