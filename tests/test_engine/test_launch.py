import argparse
import re
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmxkd.engine import launch
from mmxkd.errors import ConfigError


def test_existing_file(tmp_path, monkeypatch):
    (tmp_path / 'fog_mse.py').touch()
    assert launch.existing_file(str(tmp_path / 'fog_mse.py'))
    assert launch.existing_file('https://example.org/a.pth')
    with pytest.raises(argparse.ArgumentTypeError, match='fog_mse.py'):
        launch.existing_file(str(tmp_path / 'fog_mes.py'))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(argparse.ArgumentTypeError, match="'fog_mse.py'"):
        launch.existing_file('nowhere/fog_mse.py')


def test_options_of_the_command_line_win(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text("x = 1\nwork_dir = 'from_file'\n")
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    launch.add_arguments(parser)
    cfg = launch.load_config(
        parser.parse_args([str(path), '--cfg-options', 'x=2', 'y.z=[1,2]']))
    assert cfg.x == 2 and cfg.y.z == [1, 2] and cfg.work_dir == 'from_file'
    cfg = launch.load_config(
        parser.parse_args([
            str(path), '--work-dir', 'w', '--launcher', 'slurm',
            '--local-rank', '1'
        ]))
    assert cfg.work_dir == 'w' and cfg.launcher == 'slurm'
    path.write_text('x = 1\n')
    assert launch.load_config(parser.parse_args([str(path)
                                                 ])).work_dir == 'work_dirs/a'


def test_guards_are_added_once():
    cfg = Config(
        dict(
            custom_hooks=[dict(type='EpochSeedHook')], default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', interval=3))))
    launch.add_guards(cfg)
    launch.add_guards(cfg)
    assert [hook.type for hook in cfg.custom_hooks] == [
        'EpochSeedHook', 'mmxkd.FiniteGuardHook', 'mmxkd.GracefulStopHook',
        'mmxkd.HangGuardHook', 'mmxkd.TeacherMeaningHook',
        'mmxkd.LabelSourcesHook', 'mmxkd.TeacherCacheHook',
        'mmxkd.StepStateHook', 'mmxkd.RunRecordHook',
        'mmxkd.StartingWeightsHook'
    ]
    assert cfg.default_hooks.checkpoint == dict(
        type='mmxkd.SafeCheckpointHook', interval=3)
    empty = Config(dict())
    launch.add_guards(empty)
    assert empty.default_hooks.checkpoint.type == 'mmxkd.SafeCheckpointHook'
    own = Config(dict(default_hooks=dict(checkpoint=dict(type='MyHook'))))
    launch.add_guards(own)
    assert own.default_hooks.checkpoint.type == 'MyHook'


def test_mixed_precision():

    def config(**kwargs):
        return Config(dict(optim_wrapper=dict(optimizer=dict(), **kwargs)))

    cfg = config()
    launch.use_mixed_precision(cfg, 'bf16')
    assert cfg.optim_wrapper.type == 'mmxkd.Bf16OptimWrapper'
    cfg = config(type='OptimWrapper')
    launch.use_mixed_precision(cfg, 'auto')
    assert cfg.optim_wrapper.type == ('AmpOptimWrapper' if
                                      torch.cuda.is_available() else
                                      'mmxkd.Bf16OptimWrapper')
    with pytest.raises(ConfigError, match="type 'Mine'"):
        launch.use_mixed_precision(config(type='Mine'), 'bf16')
    clipped = config(type='mmxkd.PerTensorClipOptimWrapper')
    with pytest.raises(ConfigError, match='Train without --amp'):
        launch.use_mixed_precision(clipped, 'bf16')
    assert clipped.optim_wrapper.type == 'mmxkd.PerTensorClipOptimWrapper'
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match='needs CUDA'):
            launch.use_mixed_precision(config(), 'fp16')


def test_types_may_be_classes():
    """In mmengine's new-style configs."""
    from mmengine.hooks import CheckpointHook
    from mmengine.optim import OptimWrapper

    from mmxkd.distillation import CrossModalDistill
    from mmxkd.engine.hooks import EpochSeedHook
    cfg = Config(
        dict(model=dict(type=CrossModalDistill, student=dict(type='A')),
             optim_wrapper=dict(type=OptimWrapper, optimizer=dict()),
             custom_hooks=[dict(type=EpochSeedHook)],
             default_hooks=dict(checkpoint=dict(type=CheckpointHook))))
    launch.add_guards(cfg)
    assert len(cfg.custom_hooks) == len(launch.GUARDS)
    assert cfg.default_hooks.checkpoint.type == 'mmxkd.SafeCheckpointHook'
    launch.use_mixed_precision(cfg, 'bf16')
    assert cfg.optim_wrapper.type == 'mmxkd.Bf16OptimWrapper'
    launch.student_alone(cfg)
    assert cfg.model == dict(type='A')
    assert launch.type_name(dict(type='mmdet.CocoMetric')) == 'CocoMetric'


def test_the_precision_of_a_config_with_a_loss_scale():
    cfg = Config(
        dict(optim_wrapper=dict(type='AmpOptimWrapper', loss_scale='dynamic',
                                optimizer=dict())))
    launch.use_mixed_precision(cfg, 'bf16')
    assert 'loss_scale' not in cfg.optim_wrapper
    with pytest.raises(ConfigError, match='needs an optim_wrapper'):
        launch.use_mixed_precision(Config(dict()), 'bf16')


@pytest.mark.parametrize('stated, then', [
    (dict(), dict(seed=0)),
    (dict(randomness=None), dict(seed=0)),
    (dict(randomness=dict(seed=7, deterministic=True)),
     dict(seed=0, deterministic=True)),
])
def test_the_seed_is_set(stated, then):
    cfg = Config(stated)
    launch.set_seed(cfg, 0)
    assert cfg.randomness == then


def test_the_learning_rate_is_scaled():
    cfg = Config(dict(auto_scale_lr=dict(base_batch_size=16, enable=False)))
    launch.scale_learning_rate(cfg)
    assert cfg.auto_scale_lr == dict(base_batch_size=16, enable=True)
    for stated in (dict(), dict(auto_scale_lr=None)):
        with pytest.raises(ConfigError, match='base_batch_size'):
            launch.scale_learning_rate(Config(stated))


@pytest.mark.parametrize('stated, averaged', [
    (dict(), True),
    (dict(log_processor=None), True),
    (dict(log_processor=dict(window_size=9)), True),
    (dict(log_processor=dict(mean_pattern='loss|acc')), True),
    (dict(log_processor=dict(type='mmengine.LogProcessor')), True),
    (dict(log_processor=dict(mean_pattern='^time$')), False),
    (dict(log_processor=dict(type='Mine')), False),
])
def test_raw_losses_are_averaged_like_losses(stated, averaged):
    cfg = Config(stated)
    launch.log_together(cfg)
    processor = cfg.get('log_processor') or {}
    pattern = processor.get('mean_pattern', launch.AVERAGED)
    for name in ('distill/raw_feature', 'raw_depth'):
        assert bool(re.search(pattern, name)) is averaged
    for key, value in (stated.get('log_processor') or {}).items():
        if key != 'mean_pattern':
            assert processor[key] == value
    if 'acc' in pattern:
        assert re.search(pattern, 'acc')


def test_keys_are_allowed_in_the_hook():
    cfg = Config(dict(custom_hooks=[dict(type='A')]))
    launch.add_guards(cfg)
    launch.allow_differences(cfg, ['data', 'seed'])
    launch.allow_differences(cfg, ['hooks'])
    (hook, ) = (h for h in cfg.custom_hooks if 'allow' in h)
    assert hook.type == 'mmxkd.RunRecordHook'
    assert hook.allow == ['data', 'seed', 'hooks']


def test_a_distillation_is_tested_as_its_student():
    cfg = Config(
        dict(model=dict(type='mmxkd.CrossModalDistill', student=dict(
            type='RetinaNet'), teachers=dict(a=dict(checkpoint='gone.pth')))))
    launch.student_alone(cfg)
    assert cfg.model == dict(type='RetinaNet')
    assert cfg.custom_hooks[-1].type == 'mmxkd.StudentCheckpointHook'


def test_a_distillation_inside_of_another_model():
    student = dict(type='RetinaNet')
    distilled = dict(type='mmxkd.CrossModalDistill', student=student)
    cfg = Config(dict(model=dict(type='DetTTAModel', module=distilled)))
    launch.student_alone(cfg)
    assert cfg.model == dict(type='DetTTAModel', module=student)


def _runs(folder, *epochs):
    """A work directory with checkpoints, as a run leaves it."""
    folder.mkdir(parents=True)
    for epoch in epochs:
        torch.save(dict(meta=dict(epoch=epoch), message_hub={}, state_dict={}),
                   folder / f'epoch_{epoch}.pth')
    (folder / 'last_checkpoint').write_text(
        str(folder / f'epoch_{epochs[-1]}.pth'))


def _resumed(work_dir, **hook):
    cfg = Config(
        dict(
            work_dir=str(work_dir), load_from='start.pth', default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', **hook))))
    launch.resume_from(cfg, 'auto')
    return cfg.get('resume', False), cfg.load_from


@pytest.mark.parametrize('how', ['moved', 'copied'])
def test_a_run_resumes_from_its_own_folder(tmp_path, how):
    _runs(tmp_path / 'old', 1, 2)
    place = shutil.move if how == 'moved' else shutil.copytree
    place(tmp_path / 'old', tmp_path / 'new')
    if how == 'copied':
        # The other run goes on; the copy does not follow it.
        shutil.copy(tmp_path / 'old/epoch_2.pth', tmp_path / 'old/epoch_3.pth')
    assert _resumed(tmp_path / 'new') == (True,
                                          str(tmp_path / 'new/epoch_2.pth'))


def test_a_relative_folder_named_from_another_place(tmp_path, monkeypatch):
    (tmp_path / 'a').mkdir()
    monkeypatch.chdir(tmp_path / 'a')
    _runs(Path('run'), 1)
    assert _resumed('run') == (True, 'run/epoch_1.pth')
    monkeypatch.chdir(tmp_path)
    assert _resumed('a/run') == (True, 'a/run/epoch_1.pth')
    assert _resumed('run') == (False, 'start.pth')


def test_checkpoints_in_the_out_dir(tmp_path):
    _runs(tmp_path / 'out/run', 1, 2)
    out_dir = str(tmp_path / 'out')
    assert _resumed(tmp_path / 'run') == (False, 'start.pth')
    assert _resumed(tmp_path / 'run',
                    out_dir=out_dir) == (True, f'{out_dir}/run/epoch_2.pth')
