"""Boxes that teach nothing, taken out before they steer a crop."""
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.registry import TRANSFORMS

# What mmdet and we keep one of for each box.
_KEYS = ('gt_bboxes', 'gt_bboxes_labels', 'gt_masks', 'gt_ignore_flags')


@TRANSFORMS.register_module()
class DropIgnoredBoxes(BaseTransform):
    """Take out the boxes whose ``gt_ignore_flags`` is set.

    A random crop that asks for an overlap with the objects counts ignored
    ones too, such as VOC's difficult objects, which published code for SSD
    drops when it loads them. A metric needs them: keep them for testing.

    Required keys: ``gt_ignore_flags``; modified keys: that, ``gt_bboxes``,
    ``gt_bboxes_labels`` and ``gt_masks``, those of them that there are.

    Examples:
        >>> import numpy as np
        >>> found = DropIgnoredBoxes()(dict(
        ...     gt_bboxes_labels=np.array([3, 5, 7]),
        ...     gt_ignore_flags=np.array([False, True, False])))
        >>> found['gt_bboxes_labels'].tolist()
        [3, 7]
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        kept = np.flatnonzero(~np.asarray(results['gt_ignore_flags'], bool))
        for key in _KEYS:
            if key in results:
                results[key] = results[key][kept]
        return results
