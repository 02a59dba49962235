"""Pictures of modalities and of detections."""
from .depth_colours import depth_colours, depth_overlay
from .detections import Panel, compare_detections, match_detections
from .kitti_frame import draw_frame
from .modalities import gated_colours, to_displayable

__all__ = [
    'Panel', 'compare_detections', 'depth_colours', 'depth_overlay',
    'draw_frame', 'gated_colours', 'match_detections', 'to_displayable'
]
