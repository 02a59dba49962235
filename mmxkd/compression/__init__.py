"""Detectors with fewer channels: pruned, and written as a config again."""
from .pruned_config import pruned_config
from .pruning import check_prunable, prune

__all__ = ['check_prunable', 'prune', 'pruned_config']
