"""Detectors with fewer channels: pruned, and written as a config again."""
from .pruned_config import pruned_config
from .pruning import prune

__all__ = ['prune', 'pruned_config']
