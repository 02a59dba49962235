"""Pictures of modalities and of detections."""
from .detections import Panel, compare_detections, match_detections
from .modalities import gated_colours, to_displayable

__all__ = [
    'Panel', 'compare_detections', 'gated_colours', 'match_detections',
    'to_displayable'
]
