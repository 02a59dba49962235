import argparse

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
        'mmxkd.TeacherMeaningHook'
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
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match='needs CUDA'):
            launch.use_mixed_precision(config(), 'fp16')


def test_a_distillation_is_tested_as_its_student():
    cfg = Config(
        dict(model=dict(type='mmxkd.CrossModalDistill', student=dict(
            type='RetinaNet'), teachers=dict(a=dict(checkpoint='gone.pth')))))
    launch.student_alone(cfg)
    assert cfg.model == dict(type='RetinaNet')
    assert cfg.custom_hooks[-1].type == 'mmxkd.StudentCheckpointHook'
