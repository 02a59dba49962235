"""What mmdet3d's transforms of pictures do to the pixels of ``img``.

mmdet3d 1.4; mmdet's and mmcv's are in :mod:`mmxkd.datasets.transforms.stock`.
``RandomShiftScale`` is not here: it notes a crop, and moves nothing. Nor is
``RandomResize3D``: it runs mmcv's ``Resize``, which is noticed.
"""
from mmdet3d.datasets import transforms
from mmdet3d.datasets.transforms import transforms_3d

from mmxkd.datasets.transforms import keeps_pixels_in_place
from mmxkd.datasets.transforms.alignment import moves_img_alone

_CROP = 'mmxkd.ClippedNormalShiftScale and mmxkd.AffineResize'

#: Classes that move ``img``, boxes and camera, but no depth, and what to
#: write instead.
MOVERS: dict[type, str] = {
    transforms.AffineResize: 'mmxkd.AffineResize',
    transforms.RandomFlip3D: 'mmxkd.RandomFlip3D',
    transforms.Resize3D: 'mmxkd.AffineResize',
    transforms_3d.RandomCrop3D: _CROP,
}

for _kind, _twin in MOVERS.items():
    moves_img_alone(_kind, _twin, audible=_kind is transforms.RandomFlip3D)
keeps_pixels_in_place(transforms.PhotoMetricDistortion3D)
