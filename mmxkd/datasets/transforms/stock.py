"""What the transforms of mmcv and mmdet do to the pixels of ``img``.

mmdet 3.3 and 3.5, mmcv 2.1 and 2.3. A test goes through all of their
transforms, so that none is missing here; of one that is missing,
:mod:`.alignment` judges by what it does to a sample.
"""
from types import ModuleType

from mmcv import transforms as mmcv_transforms
from mmdet.datasets import transforms as mmdet_transforms


def _of(module: ModuleType, names: str) -> list[type]:
    return [getattr(module, name) for name in names.split()]


# mmdet 3.5 has left it out.
_CORRUPT = 'Corrupt' if hasattr(mmdet_transforms.transforms, 'Corrupt') else ''

_MMCV = _of(mmcv_transforms, 'Pad RandomFlip Resize')
_MMDET = _of(
    mmdet_transforms, 'CachedMixUp CachedMosaic Expand FixScaleResize '
    'FixShapeResize MinIoURandomCrop MixUp Mosaic Pad RandomAffine '
    'RandomCenterCropPad RandomCrop RandomErasing RandomFlip RandomShift '
    'Resize Rotate ShearX ShearY TranslateX TranslateY')

#: Classes that move ``img`` or the boxes and leave all other modalities, and
#: the transform of this package to write instead; empty: there is none.
MOVERS: dict[type, str] = {
    **{kind: f'mmxkd.{kind.__name__}' for kind in _MMCV + _MMDET},
    mmcv_transforms.CenterCrop: 'mmxkd.RandomCrop',
    mmdet_transforms.RandomFlip_GLIP: 'mmxkd.RandomFlip',
    # They paste objects into img alone.
    mmdet_transforms.CopyPaste: '',
    mmdet_transforms.InstaBoost: '',
}

#: Those of them after which a sound does not fit: they may exchange left and
#: right, or put several scenes together.
AUDIBLE: frozenset[type] = frozenset(
    _of(mmcv_transforms, 'RandomFlip') + _of(
        mmdet_transforms, 'CachedMixUp CachedMosaic CopyPaste MixUp Mosaic '
        'RandomFlip RandomFlip_GLIP'))

#: Classes that change the values of ``img`` and leave each pixel in its place.
STAYS: frozenset[type] = frozenset(
    _of(mmdet_transforms.transforms, _CORRUPT)
    + _of(mmcv_transforms, 'Normalize RandomGrayscale') + _of(
        mmdet_transforms, 'AutoContrast Brightness Color ColorTransform '
        'Contrast CutOut Equalize Invert PhotoMetricDistortion Posterize '
        'Sharpness Solarize SolarizeAdd YOLOXHSVRandomAug'))
