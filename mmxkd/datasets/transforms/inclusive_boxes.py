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
    - gt_bboxes_labels, gt_ignore_flags, with ``clip``

    Args:
        clip (bool): Cut boxes off at the edges of ``img``, and leave out
            those that lie outside. Default: boxes stay as they are labelled.
    """

    def __init__(self, clip: bool = False) -> None:
        self.clip = clip

    def transform(self, results: dict) -> dict:
        boxes = results['gt_bboxes'].clone()
        boxes.tensor[:, 2:] += 1
        if self.clip:
            boxes.clip_(results['img_shape'])
            inside = (boxes.widths > 0) & (boxes.heights > 0)
            boxes = boxes[inside]
            for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
                if key in results:
                    results[key] = results[key][inside.numpy()]
        results['gt_bboxes'] = boxes
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(clip={self.clip})'
