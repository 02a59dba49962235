"""Cross-modal knowledge distillation of detectors, as an OpenMMLab plugin.

Importing the package applies the repairs of :mod:`mmxkd.compat` that the
installed releases need. Models, losses and data sets are imported by their
registries when the first of them is named.
"""
from . import compat
from .version import __version__

compat.apply()

__all__ = ['__version__']
