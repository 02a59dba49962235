"""Boxes whose last pixel is inside."""
from mmcv.transforms import BaseTransform

from mmxkd.registry import TRANSFORMS

from .alignment import keeps_pixels_in_place


@keeps_pixels_in_place
@TRANSFORMS.register_module()
class IncludeLastPixel(BaseTransform):
    """Move the right and lower edge of all boxes by one pixel.

    KITTI's boxes name their last pixel: x2 = 1241 is the right edge of an
    image of 1242 pixels. mmdet's end after it. Without this step, a box is
    one pixel too narrow, and its mirror image lies one pixel off. Write it
    after ``LoadAnnotations``, for a head that predicts such boxes.

    Modified Keys:

    - gt_bboxes (HorizontalBoxes)
    """

    def transform(self, results: dict) -> dict:
        boxes = results['gt_bboxes'].clone()
        boxes.tensor[:, 2:] += 1
        results['gt_bboxes'] = boxes
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
