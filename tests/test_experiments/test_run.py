"""One arm with one seed: its tools, its log, its folder."""
import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mmxkd.errors import ConfigError
from mmxkd.experiments import Run, ToolError, build_runs
from mmxkd.experiments.lock import locked
from mmxkd.experiments.settings import recipe_of


@pytest.fixture
def run(plan):
    """The baseline with seed 0."""
    return next(r for r in build_runs(plan) if r.name == 'seed 0 baseline')


def test_folders(plan):
    runs = {run.name: run.dir for run in build_runs(plan)}
    assert runs['pretrain'] == plan.work_dir / 'pretrain'
    assert runs['seed 1 adv'] == plan.work_dir / 'seed_1/adv'
    assert len(runs) == 9


def test_output_of_a_tool_that_fails_is_shown(run, tmp_path):
    run.dir.mkdir(parents=True)
    script = tmp_path / 'fails.py'
    script.write_text('print("the reason"); raise SystemExit(3)')
    with pytest.raises(RuntimeError) as error:
        run._call(script, [], [])
    assert 'the reason' in str(error.value)
    assert f'ended with 3; the whole output is in {run.log}' in str(
        error.value)


def test_the_tool_gets_data_and_options(plan, tmp_path):
    plan = replace(plan, cfg_options=('train_cfg.max_epochs=1', ))
    run = next(r for r in build_runs(plan, 3) if r.name == 'pretrain')
    run.dir.mkdir(parents=True)
    script = tmp_path / 'shows.py'
    script.write_text('import json, os, sys; print(json.dumps('
                      '[sys.argv[1:], os.environ["OMP_NUM_THREADS"]]))')
    run._call(script, ['config.py'], ['load_from=x'], '--seed', 4)
    arguments, threads = json.loads(run.log.read_text())
    clear = tmp_path / 'clear'
    assert threads == '3'
    assert arguments == [
        'config.py', '--seed', '4', '--cfg-options',
        f'train_dataloader.dataset.data_root={clear}/',
        f'val_dataloader.dataset.data_root={clear}/',
        f'test_dataloader.dataset.data_root={tmp_path}/data/',
        f'val_evaluator.ann_file={clear}/annotations/val.json',
        'train_cfg.max_epochs=1', 'load_from=x'
    ]


def test_status_is_read_from_the_log(run):
    assert run.status() == 'starting'
    run.dir.mkdir(parents=True)
    run.log.write_text('x - mmengine - INFO - Epoch(train)  [3][ 50/180]  lr')
    assert run.status() == 'train epoch 3, 50/180'
    run.log.write_text('x - mmengine - INFO - Epoch(test) [100/360]    eta')
    assert run.status() == 'test 100/360'


def test_status_is_not_that_of_the_tool_before(run, tmp_path):
    run.dir.mkdir(parents=True)
    run.log.write_text('Epoch(train)  [3][ 50/180]')
    script = tmp_path / 'nothing.py'
    script.touch()
    run._call(script, [], [])
    assert run.status() == 'starting'


def test_stopping_ends_the_tool_and_starts_no_other(run, tmp_path):
    run.dir.mkdir(parents=True)
    script = tmp_path / 'lasts.py'
    script.write_text('import time; print("here", flush=True); '
                      'time.sleep(60)')

    def stop_when_it_runs():
        while not run.log.is_file() or 'here' not in run.log.read_text():
            time.sleep(0.01)
        run.stop()

    threading.Thread(target=stop_when_it_runs, daemon=True).start()
    with pytest.raises(ToolError, match='ended with -15'):
        run._call(script, [], [])
    with pytest.raises(ToolError, match='seed 0 baseline: stopped'):
        run._call(script, [], [])


def test_two_processes_never_work_in_one_folder(run, fake_tools):
    fake = fake_tools()
    run.dir.mkdir(parents=True)
    with locked(run.dir), pytest.raises(ConfigError,
                                        match='another process is at work'):
        run.execute()
    assert fake.calls == []


def test_a_tool_that_outlives_the_command_keeps_the_lock(tmp_path):
    with locked(tmp_path) as descriptor:
        tool = subprocess.Popen([sys.executable, '-c', 'input()'],
                                stdin=subprocess.PIPE, pass_fds=(descriptor, ))
    with pytest.raises(ConfigError), locked(tmp_path):
        pass
    tool.communicate(b'\n')
    with locked(tmp_path) as descriptor:
        assert descriptor > 2


@pytest.mark.parametrize('change, named', [
    (dict(cfg_options=('train_cfg.max_epochs=1', )), r'cfg_options=\[\]'),
    (dict(tested_on=Path('elsewhere')), "not 'elsewhere'"),
    (dict(mse=dict(taught_by={'baseline': 'model.teachers.gated.checkpoint'})),
     r"mse was begun with taught_by=\{'teacher'"),
    (dict(mse=dict(starts_from='baseline')),
     "starts_from='pretrain', not 'baseline'"),
    (dict(adv=dict(ann_file='annotations/few.json')),
     "adv was begun with ann_file='annotations/train.json'"),
    (dict(adv=dict(datasets=('train_dataloader.dataset.datasets.0', ))),
     'adv was begun with datasets='),
])
def test_runs_of_other_settings_are_not_mixed(plan, train, fake_tools, change,
                                              named):
    fake_tools()
    train(plan)
    arms = {
        name: replace(plan.arms[name], **change.pop(name))
        for name in [*change] if name in plan.arms
    }
    with pytest.raises(ConfigError, match=named):
        train(replace(plan, arms={**plan.arms, **arms}, **change))


def test_back_to_the_default_is_another_setting_too(plan, train, fake_tools):
    fake_tools()
    few = replace(plan.arms['adv'], ann_file='annotations/few.json')
    train(replace(plan, arms={**plan.arms, 'adv': few}))
    with pytest.raises(ConfigError, match='not .annotations/train.json'):
        train(plan)


def test_a_config_of_other_content_is_another_run(plan, train, fake_tools):
    """What is built as before may be written in another way."""
    fake_tools()
    config = plan.arms['mse'].config
    config.write_text('model = dict(type="A", size=3)\n')
    train(plan)
    recipe_of.cache_clear()
    config.write_text('size = 3\nmodel = dict(size=size, type="A")  # Same.\n')
    train(plan)
    recipe_of.cache_clear()
    config.write_text('model = dict(type="A", size=4)\n')
    with pytest.raises(ConfigError, match='begun when mse.py, or one of its'):
        train(plan)
    recipe_of.cache_clear()


def test_students_of_a_teacher_that_was_trained_anew(plan, train, fake_tools,
                                                     monkeypatch):
    fake = fake_tools()

    def call(run, tool, *arguments):
        fake(run, tool, *arguments)
        if 'train' in tool:
            (run.dir / 'best_epoch_4.pth').write_text(weights)

    monkeypatch.setattr(Run, '_call', call)
    weights = 'one'
    train(plan)
    shutil.rmtree(plan.work_dir / 'seed_0/teacher')
    train(plan)  # To the same weights.
    shutil.rmtree(plan.work_dir / 'seed_0/teacher')
    weights = 'other'
    with pytest.raises(
            ConfigError, match='(mse|adv) was built upon another '
            'teacher, which has been trained anew'):
        train(plan)


def test_what_older_runs_have_not_noted_is_not_compared(
        plan, train, fake_tools):
    fake = fake_tools()
    for run in train(plan):
        kept = json.loads((run.dir / 'settings.json').read_text())
        for key in ('recipe', 'taught_by', 'starts_from', 'reads', 'datasets',
                    'ann_file', 'built_upon'):
            del kept[key]
        (run.dir / 'settings.json').write_text(json.dumps(kept))
    calls = len(fake.calls)
    train(plan)
    assert len(fake.calls) == calls


def test_several_best_checkpoints_are_an_error(plan, train, fake_tools):
    fake_tools()
    train(plan)
    folder = plan.work_dir / 'seed_0/mse'
    for name in ('trained.json', 'val.bbox.json'):
        (folder / name).unlink()
    (folder / 'best_epoch_3.pth').touch()
    with pytest.raises(ToolError, match='expected one best_.*found 2'):
        train(plan)
