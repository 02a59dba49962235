"""Loading, geometry and packing of samples with several modalities."""
from mmxkd.io.images import read_image

from .adding import add_modality
from .depth import LoadDepth
from .formatting import PackMultiModalInputs
from .gated import LoadGatedSlices
from .geometry import Pad, RandomCrop, RandomFlip, Resize, resize_sparse
from .loading import LoadImageFromFile

__all__ = [
    'LoadDepth', 'LoadGatedSlices', 'LoadImageFromFile',
    'PackMultiModalInputs', 'Pad', 'RandomCrop', 'RandomFlip', 'Resize',
    'add_modality', 'read_image', 'resize_sparse'
]
