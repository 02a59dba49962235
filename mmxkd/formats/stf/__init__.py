"""Seeing Through Fog as published: folders, labels and co-registration."""
from .alignment import (
    FRAME_SIZE,
    GATED_SIZE,
    LEFT_SIZE,
    frame_to_camera,
    gated_to_left,
    transform_points,
    warp_image,
)
from .labels import StfLabel, format_label, parse_label, read_labels

__all__ = [
    'FRAME_SIZE', 'GATED_SIZE', 'LEFT_SIZE', 'StfLabel', 'format_label',
    'frame_to_camera', 'gated_to_left', 'parse_label', 'read_labels',
    'transform_points', 'warp_image'
]
