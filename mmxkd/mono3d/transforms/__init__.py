"""Twins of mmdet3d's transforms that move every modality, and P2 whole."""
from . import stock  # noqa: F401  (tells which of mmdet3d's move img alone)
from .affine import AffineResize, ClippedNormalShiftScale
from .colour import ColourJitter
from .flip import RandomFlip3D
from .pack import Pack3DDetInputs

__all__ = [
    'AffineResize', 'ClippedNormalShiftScale', 'ColourJitter',
    'Pack3DDetInputs', 'RandomFlip3D'
]
