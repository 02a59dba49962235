"""Shifting an image at its left and upper edge."""
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS

from .alignment import MovesTogether
from .geometry import beside_img, frame_of
from .moves import Window


@TRANSFORMS.register_module()
class RandomDrift(MovesTogether, BaseTransform):
    """Crop or pad all modalities at the left and at the top.

    Whole numbers of pixels are drawn, ``dy`` from -``max_y`` to ``max_y`` and
    then ``dx`` likewise. Above 0, so many columns or rows are cut off, but
    never a part of an object; below 0, so many are added. The other two edges
    stay: the size of the image changes. Ignored regions may be cut.

    Source: the code of SqueezeDet (Wu et al., 2017).

    Required Keys:

    - one or more pictures, or img_shape
    - gt_bboxes (HorizontalBoxes), gt_ignore_flags: optional

    Modified Keys:

    - all pictures, img_shape, gt_bboxes

    Args:
        max_x, max_y (int): Largest shift, pixels, at least 0.
        fill (Sequence[float]): Colour of what is added, in the order of the
            channels of ``img``. Other modalities are filled with the
            ``pad_value`` of :mod:`mmxkd.modalities`.

    Raises:
        ConfigError: A shift is negative; or the sample has masks, which this
            transform does not move.
    """

    def __init__(self, max_x: int = 150, max_y: int = 100,
                 fill: Sequence[float] = (0, 0, 0)) -> None:
        if min(max_x, max_y) < 0:
            raise ConfigError(f'RandomDrift: max_x={max_x}, max_y={max_y}, '
                              'expected numbers of at least 0')
        self.max_x, self.max_y, self.fill = max_x, max_y, tuple(fill)

    def transform(self, results: dict) -> dict:
        for key in ('gt_masks', 'gt_seg_map'):
            if key in results:
                raise ConfigError(f'RandomDrift does not move {key!r}')
        height, width = frame_of('RandomDrift', results)
        first = self._first_of_objects(results, width, height)
        dy = self._draw(self.max_y, first[1])
        dx = self._draw(self.max_x, first[0])
        return self.drift(results, dx, dy)

    @staticmethod
    def _first_of_objects(results: dict, width: int,
                          height: int) -> tuple[float, float]:
        """Where the first object begins; without any, the last pixel."""
        x, y = width - 1.0, height - 1.0
        if 'gt_bboxes' in results:
            boxes = results['gt_bboxes'].tensor
            ignored = results.get('gt_ignore_flags')
            if ignored is not None:
                boxes = boxes[~np.asarray(ignored, bool)]
            if len(boxes):
                x, y = np.minimum((x, y), boxes[:, :2].amin(0)).tolist()
        return x, y

    @staticmethod
    def _draw(most: int, first: float) -> int:
        # A box that begins outside of the image leaves nothing to cut.
        return int(
            np.random.randint(-most,
                              max(min(most, int(np.floor(first))), 0) + 1))

    def drift(self, results: dict, dx: int, dy: int) -> dict:
        """Shift a sample by given numbers of pixels."""
        height, width = frame_of('RandomDrift', results)
        canvas = (height - dy, width - dx)
        cut, added = (max(dy, 0), max(dx, 0)), (max(-dy, 0), max(-dx, 0))
        window = Window(canvas, added, cut, (height - cut[0], width - cut[1]))
        if 'img' in results:
            results['img'] = window.of(results['img'], np.array(self.fill))
        for modality in beside_img(results):
            results[modality.name] = window.of(results[modality.name],
                                               modality.pad_value)
        results['img_shape'] = canvas
        if 'gt_bboxes' in results:
            boxes = results['gt_bboxes'].clone()
            boxes.translate_((-dx, -dy))
            results['gt_bboxes'] = boxes
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(max_x={self.max_x}, '
                f'max_y={self.max_y}, fill={self.fill})')
