"""One random draw erases the same patches from all modalities."""
from mmdet.datasets import transforms as mmdet_transforms

from mmxkd.registry import TRANSFORMS

from .geometry import InFrame, beside_img


@TRANSFORMS.register_module()
class RandomErasing(InFrame, mmdet_transforms.RandomErasing):
    """mmdet's ``RandomErasing`` for every spatial modality of a sample.

    It removes the boxes that are covered, so that what it covers must not be
    seen by another modality either. ``img`` is filled with
    ``img_border_value``; all others with the ``pad_value`` of the table,
    which in a sparse map is no value. Nothing else moves. mmdet's ``CutOut``
    keeps all boxes: use it to hide parts of ``img`` alone from a student.
    """

    def _transform_img(self, results: dict, patches: list[list]) -> None:
        super()._transform_img(results, patches)
        for modality in beside_img(results):
            # Not in place: the array may be somebody else's.
            erased = results[modality.name].copy()
            for x1, y1, x2, y2 in patches:
                erased[y1:y2, x1:x2] = modality.pad_value
            results[modality.name] = erased
