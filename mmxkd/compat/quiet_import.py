"""OneDL's packages are imported without a line of their own.

What breaks: ``import mmdet.datasets`` prints "Could not import OneDL" twice,
since ``print_log`` without a logger prints messages of every level. What a
tool writes to the standard output, such as JSON, is damaged by it. And
``import mmdet.evaluation`` warns that ``faster_coco_eval`` is not installed,
which only ``FasterCocoMetric`` needs.
Repair: without a logger, messages of level DEBUG are not printed; the warning
is ignored.
Versions: onedl-mmengine 0.10.12 with onedl-mmdetection 3.5.1. We know of no
report.
Can go: when ``print_log`` looks at the level, or mmdet logs it elsewhere.
"""
import functools
import logging
import warnings
from types import ModuleType
from typing import Any

from .import_hook import after_import
from .stacks import ONEDL

STACKS = (ONEDL, )


def apply() -> None:
    """Repair ``print_log`` before anything imports it by name."""
    after_import('mmengine.logging.logger', _repair)
    warnings.filterwarnings('ignore', 'faster_coco_eval is not installed',
                            UserWarning)


def _repair(module: ModuleType) -> None:
    stock = module.print_log

    @functools.wraps(stock)
    def print_log(msg: Any, logger: Any = None,
                  level: int = logging.INFO) -> None:
        if logger is not None or level > logging.DEBUG:
            stock(msg, logger, level)

    module.print_log = print_log
