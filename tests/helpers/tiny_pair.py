"""A tiny teacher, student and distillation, trained in this process."""
import itertools
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmxkd.engine import launch
from mmxkd.registry import MODELS
from tests.helpers.tiny_run import write_config, write_data, write_distilled

_numbers = itertools.count()


def write_pair(root: Path) -> Path:
    """Write the data, the configs ``student.py`` and ``teacher.py``, the
    weights ``teacher.pth`` and ``other.pth``, and ``distilled.py``.

    Returns:
        Path: The config of the distillation.
    """
    write_data(root / 'data')
    student = write_config(root / 'student.py', root / 'data')
    teacher = write_config(root / 'teacher.py', root / 'data', channels=12)
    for seed, name in enumerate(('teacher', 'other')):
        torch.manual_seed(seed)
        model = MODELS.build(
            dict(Config.fromfile(teacher).model, _scope_='mmdet'))
        model.init_weights()
        torch.save(dict(state_dict=model.state_dict()), root / f'{name}.pth')
    return write_distilled(root / 'distilled.py', student, teacher,
                           root / 'teacher.pth')


def pair_config(config: Path, folder: Path,
                change: Callable[[Config], None] = lambda cfg: None,
                epochs: int = 1) -> Config:
    """The config of :func:`train`."""
    cfg = Config.fromfile(config)
    cfg.work_dir = str(folder)
    cfg.train_cfg.max_epochs = epochs
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.default_hooks.checkpoint.pop('save_best')
    launch.add_guards(cfg)
    change(cfg)
    launch.log_together(cfg)
    cfg.experiment_name = f'pair_{next(_numbers)}'
    return cfg


def train(config: Path, folder: Path,
          change: Callable[[Config], None] = lambda cfg: None,
          epochs: int = 1) -> Runner:
    """Train as ``tools/train.py`` does, without validation.

    Args:
        config (Path): Config file.
        folder (Path): Work directory.
        change (Callable): Changes the config before the run is built.
        epochs (int): ``max_epochs``.
    """
    cfg = pair_config(config, folder, change, epochs)
    # Where a fixture of a whole file trains, nobody forgets its scope.
    scopes = DefaultScope._instance_dict.copy()
    try:
        runner = Runner.from_cfg(cfg)
        runner.train()
    finally:
        DefaultScope._instance_dict.clear()
        DefaultScope._instance_dict.update(scopes)
    return runner
