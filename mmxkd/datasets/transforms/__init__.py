"""Loading, geometry and packing of samples with several modalities."""
from mmxkd.io.images import read_image

from .adding import add_modality
from .alignment import MovesTogether, keeps_pixels_in_place
from .audio import LoadMultiChannelAudio, LogMelSpectrogram
from .audio_mixing import MixAudio
from .columns import CropColumns
from .cutting import Expand, MinIoURandomCrop, RandomCenterCropPad, RandomShift
from .depth import LoadDepth, ProjectDepth
from .depth_completion import CompleteDepth
from .depth_picture import LoadDepthPicture
from .drift import RandomDrift
from .erasing import RandomErasing
from .formatting import PackMultiModalInputs
from .gated import LoadGatedSlices
from .geometry import Pad, RandomCrop, RandomFlip, Resize
from .ignored_boxes import DropIgnoredBoxes
from .inclusive_boxes import IncludeLastPixel
from .loading import LoadImageFromFile
from .low_light import LowLight
from .marking import MarkSource
from .mixing import CachedMixUp, CachedMosaic, MixUp, Mosaic
from .moves import resize_sparse
from .resizing import (
    FixScaleResize,
    FixShapeResize,
    RandomChoiceResize,
    RandomResize,
    ResizeShortestEdge,
)
from .shuffledet import ImageToFloat32, ShuffleDetFlip, ShuffleDetPhotometric
from .stored_sound import LoadStoredSound
from .thermal import LoadThermal, StretchThermal
from .warping import (
    RandomAffine,
    Rotate,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
)

__all__ = [
    'CachedMixUp', 'CachedMosaic', 'CompleteDepth', 'CropColumns',
    'DropIgnoredBoxes', 'Expand', 'FixScaleResize', 'FixShapeResize',
    'ImageToFloat32', 'IncludeLastPixel', 'LoadDepth', 'LoadDepthPicture',
    'LoadGatedSlices', 'LoadImageFromFile', 'LoadMultiChannelAudio',
    'LoadStoredSound', 'LoadThermal', 'LogMelSpectrogram', 'LowLight',
    'MarkSource', 'MinIoURandomCrop', 'MixAudio', 'MixUp', 'Mosaic',
    'MovesTogether', 'PackMultiModalInputs', 'Pad', 'ProjectDepth',
    'RandomAffine', 'RandomCenterCropPad', 'RandomChoiceResize', 'RandomCrop',
    'RandomDrift', 'RandomErasing', 'RandomFlip', 'RandomResize',
    'RandomShift', 'Resize', 'ResizeShortestEdge', 'Rotate', 'ShearX',
    'ShearY', 'ShuffleDetFlip', 'ShuffleDetPhotometric', 'StretchThermal',
    'TranslateX', 'TranslateY', 'add_modality', 'keeps_pixels_in_place',
    'read_image', 'resize_sparse'
]
