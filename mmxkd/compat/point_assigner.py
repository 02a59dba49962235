"""mmdet's RepPoints on a GPU.

What breaks: ``PointAssigner.assign`` numbers the points by a tensor on the
CPU, and picks from it by a mask that is on the GPU. PyTorch refuses this:
"indices should be either on cpu or on the same device as the indexed tensor
(cpu)". RepPoints cannot be trained.
Repair: what ``assign`` makes is made where the points are.
Versions: mmdet <= 3.3.0, onedl-mmdetection <= 3.5.1. Seen with PyTorch 2.11.
We know of no report.
Can go: when ``torch.arange`` there is given a device.
"""
import functools
from types import ModuleType

from .import_hook import after_import
from .stacks import BOTH

STACKS = BOTH


def apply() -> None:
    """Repair the assigner when it is imported."""
    after_import('mmdet.models.task_modules.assigners.point_assigner', _repair)


def _repair(module: ModuleType) -> None:
    import torch
    stock = module.PointAssigner.assign

    @functools.wraps(stock)
    def assign(self, pred_instances, *args, **kwargs):
        with torch.device(pred_instances.priors.device):
            return stock(self, pred_instances, *args, **kwargs)

    module.PointAssigner.assign = assign
