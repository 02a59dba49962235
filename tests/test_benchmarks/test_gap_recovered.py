"""Runs are skipped when done, resumed when not, and wait for their teacher."""
import argparse
import importlib.util
import sys

import pytest


@pytest.fixture
def tool(repo):
    path = repo / 'benchmarks/gap_recovered.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def args(tmp_path):
    return argparse.Namespace(
        work_dir=tmp_path / 'runs', jobs=2, data_root=tmp_path / 'data',
        clear_root=tmp_path / 'clear', start=None)


class Fake:
    """Stands for tools/train.py and tools/test.py; notes their calls."""

    def __init__(self, fail=''):
        self.calls, self.fail = [], fail

    def __call__(self, run, tool, positional, options, *arguments):
        name = f'{tool} {run.model} ' + ' '.join(map(str, arguments))
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


def train(tool, args, monkeypatch, fake):
    monkeypatch.setattr(tool.Run, '_call', lambda run, *a: fake(run, *a))
    args.start = tool.Start(args)
    runs = [tool.Run(m, s, args) for s in range(2) for m in tool.MODELS]
    tool.train_all([args.start, *runs], args.jobs)
    return runs


def test_everything_is_done_once(tool, args, monkeypatch):
    fake = Fake()
    runs = train(tool, args, monkeypatch, fake)
    assert fake.count('train.py') == 9 and fake.count('test.py') == 16
    assert all(run.done for run in runs)
    again = Fake()
    train(tool, args, monkeypatch, again)
    assert again.calls == []


def test_what_is_missing_is_done_again(tool, args, monkeypatch):
    runs = train(tool, args, monkeypatch, Fake())
    (runs[2].dir / 'test.bbox.json').unlink()
    (runs[3].dir / 'trained.json').unlink()
    (runs[3].dir / 'val.bbox.json').unlink()
    fake = Fake()
    train(tool, args, monkeypatch, fake)
    names = sorted(name.split(' --work-dir')[0].split(str(args.work_dir))[0]
                   for name, _ in fake.calls)
    assert names == ['tools/test.py adv --out ', 'tools/test.py mse --out ',
                     'tools/train.py adv --resume --seed 0']


def test_all_start_alike_and_students_get_the_teacher_of_their_seed(
        tool, args, monkeypatch):
    fake = Fake()
    train(tool, args, monkeypatch, fake)
    assert fake.calls[0][0].startswith('tools/train.py pretrain ')
    assert fake.calls[0][1] == []
    start = f'load_from={args.work_dir}/pretrain/best_epoch_4.pth'
    for name, options in fake.calls[1:]:
        if 'train.py mse' in name:
            seed = name.split('--seed ')[1][0]
            assert options == [
                start, 'model.teachers.gated.checkpoint='
                f'{args.work_dir}/seed_{seed}/teacher'
            ]
        elif 'train.py baseline' in name:
            assert options == [start]
    order = [name.split()[1] for name, _ in fake.calls
             if 'train' in name and '--seed 1' in name]
    assert order.index('teacher') < min(order.index('mse'),
                                        order.index('adv'))


def test_failure_of_a_teacher_ends_all(tool, args, monkeypatch):
    with pytest.raises(RuntimeError, match='train.py teacher'):
        train(tool, args, monkeypatch, Fake(fail='train.py teacher'))
    assert not list(args.work_dir.glob('*/mse'))


def test_output_of_a_tool_that_fails_is_shown(tool, args, tmp_path):
    run = tool.Run('baseline', 0, args)
    run.dir.mkdir(parents=True)
    script = tmp_path / 'fails.py'
    script.write_text('print("the reason"); raise SystemExit(3)')
    with pytest.raises(RuntimeError) as error:
        run._call(script, [], [])
    assert 'the reason' in str(error.value)
    assert f'ended with 3; the whole output is in {run.log}' in str(
        error.value)


def test_status_is_read_from_the_log(tool, args):
    run = tool.Run('baseline', 0, args)
    assert run.status() == 'starting'
    run.dir.mkdir(parents=True)
    run.log.write_text('x - mmengine - INFO - Epoch(train)  [3][ 50/180]  lr')
    assert run.status() == 'train epoch 3, 50/180'
    run.log.write_text('x - mmengine - INFO - Epoch(test) [100/360]    eta')
    assert run.status() == 'test 100/360'


def test_missing_data_are_named(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['x', '--data-root', '/nowhere'])
    with pytest.raises(SystemExit):
        tool.parse_args()
    assert '/nowhere: no converted data set' in capsys.readouterr().err
