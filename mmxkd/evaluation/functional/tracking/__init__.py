"""How well tracks follow true objects."""
from .counts import TrackingCounts
from .evaluate import count_tracks

__all__ = ['TrackingCounts', 'count_tracks']
