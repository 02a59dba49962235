"""Who ends, and who waits. Two processes: tests/test_faults/test_hang.py."""
import sys
from types import SimpleNamespace

import pytest

from mmxkd.engine.heartbeat import Heartbeat
from mmxkd.engine.hooks import HangGuardHook


@pytest.fixture
def guards(tmp_path):
    """The guards of two processes, as if each had waited for 7 s."""
    made = []
    for rank in range(2):
        guard = HangGuardHook()
        guard._heartbeat = Heartbeat(tmp_path, rank, 2)
        guard._watchdog = SimpleNamespace(timeout=7)
        made.append(guard)
    return made


def _stand(guards, *beats):
    for guard, (doing, limited, iteration) in zip(guards, beats, strict=True):
        guard._heartbeat.beat(doing, [f'{doing}.png'], limited, iteration)


def test_both_end_where_the_one_behind_has_a_limit(guards):
    _stand(guards, ('forward', True, 3), ('loading', True, 4))
    for rank, guard in enumerate(guards):
        text = guard._hangs()
        assert text.startswith(f'rank {rank} made no progress for 7 s')
        assert 'forward.png <- the others wait for it' in text


@pytest.mark.parametrize('doing', ['checkpoint', 'evaluation'])
def test_nobody_ends_where_the_one_behind_may_take_its_time(guards, doing):
    _stand(guards, (doing, False, 3), ('backward', True, 4))
    assert guards[1]._hangs() is None


def test_one_that_is_behind_ends_though_the_others_are_not_limited(guards):
    _stand(guards, ('forward', True, 3), ('hooks', False, 4))
    assert 'rank 0 made no progress' in guards[0]._hangs()


def test_another_machine_is_not_judged(guards, tmp_path):
    _stand(guards, ('forward', True, 3), ('forward', True, 3))
    (tmp_path / 'rank_0.heartbeat').unlink()
    assert guards[1]._hangs() is None


def test_with_one_process_it_does_nothing(toy_runner, tmp_path):
    hook = sys.excepthook
    runner = toy_runner(scores=[1.] * 3,
                        custom_hooks=[dict(type='mmxkd.HangGuardHook')])
    runner.train()
    (guard, ) = (h for h in runner.hooks if isinstance(h, HangGuardHook))
    assert guard.report() == ''
    assert sys.excepthook is hook
    assert not list(tmp_path.rglob('*.heartbeat'))
