"""A dense depth map of a sparse one."""
import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError, check_number
from mmxkd.registry import TRANSFORMS

from .alignment import keeps_pixels_in_place


@keeps_pixels_in_place
@TRANSFORMS.register_module()
class CompleteDepth(BaseTransform):
    """Give each hole of a depth map the depth of the nearest pixel that has
    one.

    The simplest completion: nothing is blended, so that each depth is one
    that was measured, and edges stay sharp. Small networks see more in such a
    map than in single hits. Maps of a trained completion, such as PENet's,
    are more exact.

    Required Keys:

    - depth (np.float32): (H, W), metres, 0 = no value

    Modified Keys:

    - depth

    Args:
        reach (float): Pixels of the map; a hole that is farther from any
            depth stays one.

    Raises:
        ConfigError: ``reach`` is not above 0, or the sample has no depth.
    """

    def __init__(self, reach: float = 8.) -> None:
        check_number('CompleteDepth: reach', reach, above=0.)
        self.reach = reach

    def transform(self, results: dict) -> dict:
        if 'depth' not in results:
            raise ConfigError(
                'CompleteDepth: no depth for '
                f'{results.get("img_path", "this sample")}: load it before, '
                'by mmxkd.LoadDepth or mmxkd.ProjectDepth')
        results['depth'] = complete_depth(results['depth'], self.reach)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(reach={self.reach:g})'


def complete_depth(depth: np.ndarray, reach: float) -> np.ndarray:
    """See :class:`CompleteDepth`.

    Args:
        depth (np.ndarray): (H, W), 0 = no value.
        reach (float): Pixels, Euclidean.

    Returns:
        np.ndarray: (H, W), of the same type.

    Examples:
        >>> complete_depth(np.array([[7., 0., 0., 0., 9.]]), 1).tolist()
        [[7.0, 7.0, 0.0, 9.0, 9.0]]
    """
    hole = (depth == 0).astype(np.uint8)
    if hole.all() or not hole.any():
        return depth
    distance, nearest = cv2.distanceTransformWithLabels(
        hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE,
        labelType=cv2.DIST_LABEL_PIXEL)
    # Each pixel with a depth has a label of its own.
    values = np.zeros(nearest.max() + 1, depth.dtype)
    values[nearest[hole == 0]] = depth[hole == 0]
    return np.where(distance <= reach, values[nearest], 0).astype(depth.dtype)
