"""Checkpoints that other projects published, brought to our names."""
from .mb2_ssd_lite import convert_mb2_ssd_lite
from .renaming import Converted, rename
from .ssd300 import convert_ssd300, fold_first_layer, fold_input

__all__ = [
    'Converted', 'convert_mb2_ssd_lite', 'convert_ssd300', 'fold_first_layer',
    'fold_input', 'rename'
]
