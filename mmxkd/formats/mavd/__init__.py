"""MAVD as published: folders, ids, split files, and pickled spectrograms."""
from .layout import FrameId, parse_id, read_split

__all__ = ['FrameId', 'parse_id', 'read_split']
