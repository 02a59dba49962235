"""Pictures of modalities and of detections."""
from .depth_colours import depth_colours, depth_overlay
from .detections import Panel, compare_detections, match_detections
from .drive_sheet import DriveFrame, drive_sheet
from .kitti_frame import draw_frame
from .label_sheet import LabelledPicture, label_sheet
from .modalities import (
    draw_modality,
    gated_colours,
    grey_picture,
    to_displayable,
)
from .sounds import spectrogram_colours, waveform_picture
from .track_video import draw_tracks, encode_gif, track_colour

__all__ = [
    'DriveFrame', 'LabelledPicture', 'Panel', 'compare_detections',
    'depth_colours', 'depth_overlay', 'draw_frame', 'draw_modality',
    'draw_tracks', 'drive_sheet', 'encode_gif', 'gated_colours',
    'grey_picture', 'label_sheet', 'match_detections', 'spectrogram_colours',
    'to_displayable', 'track_colour', 'waveform_picture'
]
