"""Runs are skipped when done, resumed when not, and wait for their teacher."""
import re
import threading
import time
from types import SimpleNamespace

import pytest

from mmxkd.experiments import schedule


def test_everything_is_done_once(plan, train, fake_tools):
    fake = fake_tools()
    runs = train(plan)
    assert fake.count('train.py') == 9 and fake.count('test.py') == 16
    assert all(run.done for run in runs)
    again = fake_tools()
    train(plan)
    assert again.calls == []


def test_what_is_missing_is_done_again(plan, train, fake_tools):
    fake_tools()
    runs = train(plan)
    (runs[2].dir / 'test.bbox.json').unlink()
    (runs[3].dir / 'trained.json').unlink()
    (runs[3].dir / 'val.bbox.json').unlink()
    fake = fake_tools()
    train(plan)
    names = sorted(
        name.split(' --work-dir')[0].split(str(plan.work_dir))[0]
        for name, _ in fake.calls)
    assert names == [
        'tools/test.py adv --out ', 'tools/test.py mse --out ',
        'tools/train.py adv --resume --seed 0'
    ]


def test_all_start_alike_and_students_get_the_teacher_of_their_seed(
        plan, train, fake_tools):
    fake = fake_tools()
    train(plan)
    assert fake.calls[0][0].startswith('tools/train.py pretrain ')
    assert fake.calls[0][1] == []
    start = f'load_from={plan.work_dir}/pretrain/best_epoch_4.pth'
    for name, options in fake.calls[1:]:
        if 'train.py mse' in name:
            seed = name.split('--seed ')[1][0]
            assert options == [
                start, 'model.teachers.gated.checkpoint='
                f'{plan.work_dir}/seed_{seed}/teacher'
            ]
        elif 'train.py baseline' in name:
            assert options == [start]
    order = [
        name.split()[1] for name, _ in fake.calls
        if 'train' in name and '--seed 1' in name
    ]
    assert order.index('teacher') < min(order.index('mse'), order.index('adv'))


def test_failure_of_a_teacher_ends_all(plan, train, fake_tools):
    fake_tools(fail='train.py teacher')
    with pytest.raises(RuntimeError, match='train.py teacher'):
        train(plan)
    assert not list(plan.work_dir.glob('*/mse'))


class Waiting(SimpleNamespace):
    """A run that lasts until it is stopped, or a second run has begun."""

    def __init__(self, name, needs=(), fails=False):
        super().__init__(name=name, needs={n.name: n for n in needs},
                         stopped=threading.Event(), fails=fails)

    __hash__ = object.__hash__

    def execute(self):
        if self.fails:
            raise RuntimeError(f'{self.name} fails')
        assert self.stopped.wait(10)

    def stop(self):
        self.stopped.set()

    def status(self):
        return 'train epoch 1, 2/3'


def test_the_others_are_stopped_when_one_fails():
    runs = [Waiting('good'), Waiting('bad', fails=True), Waiting('later')]
    begin = time.monotonic()
    with pytest.raises(RuntimeError, match='bad fails'):
        schedule.run_all(runs, jobs=2)
    assert time.monotonic() - begin < 5
    assert [run.stopped.is_set() for run in runs] == [True, False, False]


def test_no_place_is_taken_by_a_run_that_waits():
    """Its teacher runs; the baseline goes before it."""
    begun, release = [], threading.Event()

    class Noting(Waiting):

        def execute(self):
            begun.append(self.name)
            if self.name == 'baseline':
                release.set()
            assert release.wait(10)

    teacher = Noting('teacher')
    schedule.run_all(
        [teacher, Noting('student', [teacher]),
         Noting('baseline')], jobs=2)
    assert begun == ['teacher', 'baseline', 'student']


def test_status_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(schedule, 'STATUS_SECONDS', 0.1)

    class Asked(Waiting):
        """Ends when its status has been asked for."""

        def status(self):
            self.stop()
            return super().status()

    schedule.run_all([Asked('seed 0 mse')], jobs=1)
    assert re.match(
        r'\[0:0\d\] 0/1 models done · seed 0 mse: '
        r'train epoch 1, 2/3\n',
        capsys.readouterr().out)
