"""The config of a pruned detector."""
import copy
from typing import Any

from mmengine.config import Config
from torch import nn

from mmxkd.engine.launch import type_name
from mmxkd.engine.model_config import build_model
from mmxkd.errors import ConfigError
from mmxkd.models.detectors import widths_between

_PLAIN, _NARROW = 'SingleStageDetector', 'NarrowDetector'


def pruned_config(cfg: Config, pruned: nn.Module, checkpoint: str) -> Config:
    """The config that builds a pruned detector again, and trains it.

    Args:
        cfg (Config): Of the detector before, or of a distillation whose
            student it is; the teacher stays as it is.
        pruned (nn.Module): After :func:`.pruning.prune`.
        checkpoint (str): Its weights: training starts from them.

    Returns:
        Config: In one piece, without ``_base_``.

    Raises:
        ConfigError: The detector is of another type.
    """
    cfg = copy.deepcopy(cfg)
    student: Any = cfg.model
    if type_name(student) == 'CrossModalDistill':
        student = student['student']
    if type_name(student) not in (_PLAIN, _NARROW):
        raise ConfigError(f'model: a {student["type"]} cannot be written as '
                          f'pruned; expected {_PLAIN}')
    student.pop('widths', None)
    student['type'] = f'mmdet.{_PLAIN}'
    full = build_model(copy.deepcopy(student), cfg.get('default_scope'))
    student['type'] = f'mmxkd.{_NARROW}'
    student['widths'] = widths_between(pruned, full)
    cfg.load_from, cfg.resume = checkpoint, False
    imports = dict(cfg.get('custom_imports') or {})
    names = list(imports.get('imports') or ())
    cfg.custom_imports = dict(
        imports, imports=names if 'mmxkd' in names else [*names, 'mmxkd'])
    return cfg
