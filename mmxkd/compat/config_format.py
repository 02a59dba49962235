"""The text of a config is formatted once.

What is slow: a run writes its config into its folder, its log, its
checkpoints and its visualizers. Each time mmengine has YAPF format the same
text anew, and YAPF is slow.
Repair: what YAPF has made of a text is kept, for the last few texts. A style
that is named by a file is left to YAPF, since the file may change.
Versions: mmengine <= 0.10.7, onedl-mmengine <= 0.10.12. We know of no report.
Can go: when a config keeps its text, or writes it without YAPF.
"""
import functools
from types import ModuleType
from typing import Any

from .import_hook import after_import, replace
from .stacks import BOTH

STACKS = BOTH
# A run has one; of those of one process, the last few.
_KEPT = 8


def apply() -> None:
    """Repair the function that formats."""
    after_import('yapf.yapflib.yapf_api', _repair)


def _repair(module: ModuleType) -> None:
    stock = module.FormatCode
    kept: dict[tuple[str, str], Any] = {}

    @functools.wraps(stock)
    def FormatCode(unformatted_source: str, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(kwargs.get('style_config'), dict):
            return stock(unformatted_source, *args, **kwargs)
        key = unformatted_source, repr((args, kwargs))
        if key not in kept:
            kept[key] = stock(unformatted_source, *args, **kwargs)
            for oldest in [*kept][:-_KEPT]:
                del kept[oldest]
        return kept[key]

    replace(module, 'FormatCode', FormatCode)
