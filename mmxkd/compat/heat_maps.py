"""mmdet's peaks of a heat map in channels-last format.

What breaks: ``get_topk_from_heatmap`` takes a ``view`` of (N, C, H, W), which
a map in channels-last format does not have: "view size is not compatible with
input tensor's size and stride". SMOKE trains in that format, and fails in its
first validation. CenterNet, CornerNet and MonoFlex call it, too.
Repair: it is given the map in order.
Versions: mmdet <= 3.3.0, onedl-mmdetection <= 3.5.1. We know of no report.
Can go: when it takes a ``reshape``.
"""
import functools
from types import ModuleType

from .import_hook import after_import, replace
from .stacks import BOTH

STACKS = BOTH


def apply() -> None:
    """Repair the function when it is imported."""
    after_import('mmdet.models.utils.gaussian_target', _repair)


def _repair(module: ModuleType) -> None:
    stock = module.get_topk_from_heatmap

    @functools.wraps(stock)
    def get_topk_from_heatmap(scores, *args, **kwargs):
        return stock(scores.contiguous(), *args, **kwargs)

    replace(module, 'get_topk_from_heatmap', get_topk_from_heatmap)
