"""A small experiment whose tools are not started, and notes of their calls."""
import pytest

from mmxkd.experiments import Arm, Plan, Run, build_runs, run_all


class Fake:
    """Stands for tools/train.py and tools/test.py; notes their calls."""

    def __init__(self, fail=''):
        self.calls, self.fail = [], fail

    def __call__(self, run, tool, positional, options, *arguments):
        name = f'{tool} {run.arm.name} ' + ' '.join(map(str, arguments))
        self.calls.append((name, options))
        if self.fail and self.fail in name:
            raise RuntimeError(self.fail)
        if 'train' in tool:
            (run.dir / 'best_epoch_4.pth').touch()
        else:
            part = arguments[list(arguments).index('--out') + 1]
            part.with_name(part.name + '.bbox.json').write_text('[]')

    def count(self, text):
        return sum(text in name for name, _ in self.calls)


@pytest.fixture
def fake_tools(monkeypatch):
    """Call with the text of a call that fails; returns the notes."""

    def install(fail=''):
        fake = Fake(fail)
        monkeypatch.setattr(Run, '_call', lambda run, *a: fake(run, *a))
        return fake

    return install


@pytest.fixture
def plan(tmp_path) -> Plan:
    """Two seeds of a teacher, a baseline and two students, with one start."""
    data, clear = tmp_path / 'data', tmp_path / 'clear'
    key = 'model.teachers.gated.checkpoint'

    def arm(name, data_root=data, **options):
        return Arm(name, tmp_path / f'{name}.py', data_root, **options)

    arms = [
        arm('pretrain', clear, shared=True, tested=False),
        arm('teacher', starts_from='pretrain'),
        arm('baseline', starts_from='pretrain'),
        arm('mse', starts_from='pretrain', taught_by={'teacher': key}),
        arm('adv', starts_from='pretrain', taught_by={'teacher': key}),
    ]
    return Plan({arm.name: arm for arm in arms}, ('teacher', ), ('baseline', ),
                range(2), ('val', 'test'), data, tmp_path / 'root',
                tmp_path / 'runs')


@pytest.fixture
def train():
    """Execute all runs of a plan, two at a time; returns those of seeds."""

    def execute(plan):
        runs = build_runs(plan)
        run_all(runs, jobs=2)
        return [run for run in runs if not run.arm.shared]

    return execute
