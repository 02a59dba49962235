"""The threads that end a process; each case is a process of its own."""
import signal
import time

import pytest
from mmengine.config import Config

from mmxkd.engine.hooks.hang_guard_hook import DEFAULT_TIMEOUT
from mmxkd.engine.launch import add_guards

STUCK = """
import ctypes, os, signal, sys, time
from mmxkd.engine.watchdog import SignalWatch, Watchdog
signal.signal(signal.SIGTERM, lambda *args: None)
libc = ctypes.CDLL(None)
def stuck_in_c():
    while True:
        libc.sleep(100)
"""


@pytest.fixture
def run(run_python):

    def code(text):
        start = time.monotonic()
        done = run_python('-c', STUCK + text, check=False, timeout=60)
        return done, time.monotonic() - start

    return code


def test_it_ends_a_process_without_progress(run):
    done, seconds = run('Watchdog(1, lambda: "no progress at x")\n'
                        'stuck_in_c()')
    assert done.returncode == 1 and seconds < 15
    assert 'no progress at x' in done.stderr
    assert 'in stuck_in_c' in done.stderr


def test_also_one_that_holds_the_interpreter(run):
    done, seconds = run('Watchdog(1, lambda: "never seen")\n'
                        'ctypes.PyDLL(None).sleep(100)')
    assert done.returncode == 1 and seconds < 20
    assert 'never seen' not in done.stderr
    assert 'Timeout' in done.stderr


def test_it_lets_live_who_feeds_it_or_stops_it(run):
    done, _ = run('dog = Watchdog(1, lambda: "too early")\n'
                  'for _ in range(8): time.sleep(0.3); dog.feed()\n'
                  'dog.stop(); time.sleep(2); print("alive")')
    assert done.returncode == 0 and 'alive' in done.stdout


def test_a_signal_that_nobody_heeds(run):
    done, seconds = run(
        'SignalWatch({signal.SIGTERM: 1}, lambda: "asked to stop")\n'
        'os.kill(os.getpid(), signal.SIGTERM); stuck_in_c()')
    assert done.returncode == 128 + signal.SIGTERM and seconds < 15
    assert 'asked to stop' in done.stderr


def test_a_second_signal_is_not_absorbed(run):
    done, seconds = run(
        'SignalWatch({signal.SIGTERM: float("inf")}, lambda: "second")\n'
        'def send():\n'
        '    for _ in range(2):\n'
        '        time.sleep(1); os.kill(os.getpid(), signal.SIGTERM)\n'
        'import threading; threading.Thread(target=send).start()\n'
        'stuck_in_c()')
    assert done.returncode == 128 + signal.SIGTERM and seconds < 15
    assert 'second' in done.stderr


def test_signals_of_a_worker_are_its_own(run):
    """A forked worker that is told to stop does not stop the process."""
    done, _ = run('watch = SignalWatch({signal.SIGTERM: 0.5}, lambda: "no")\n'
                  'child = os.fork()\n'
                  'if not child:\n'
                  '    time.sleep(30); os._exit(0)\n'
                  'time.sleep(0.5); os.kill(child, signal.SIGTERM)\n'
                  'time.sleep(2); os.kill(child, signal.SIGKILL)\n'
                  'watch.stop(); print("alive")')
    assert done.returncode == 0 and 'alive' in done.stdout


def test_after_it_stopped_signals_are_heeded_as_before(run):
    done, _ = run('watch = SignalWatch({signal.SIGTERM: 0.5}, lambda: "no")\n'
                  'watch.stop(); os.kill(os.getpid(), signal.SIGTERM)\n'
                  'time.sleep(2); print("alive")')
    assert done.returncode == 0 and 'alive' in done.stdout


def test_a_timeout_is_set():
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(backend='nccl'))))
    add_guards(cfg)
    assert cfg.env_cfg.dist_cfg == dict(backend='nccl',
                                        timeout=DEFAULT_TIMEOUT)
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(timeout=20))))
    add_guards(cfg)
    assert cfg.env_cfg.dist_cfg == dict(timeout=20)
    cfg = Config(dict())
    add_guards(cfg)
    assert cfg.env_cfg.dist_cfg.timeout == DEFAULT_TIMEOUT
