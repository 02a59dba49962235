"""Packing of pictures and depth for 3-D detectors."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet3d.datasets.transforms import Pack3DDetInputs as MMDet3DPack
from mmengine.structures import PixelData

from mmxkd.datasets.transforms.formatting import check_aligned
from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.registry import TRANSFORMS

from ..camera_of import META_KEYS

_DEPTH = 'depth'
_DEFAULT: tuple[str, ...] = MMDet3DPack.__init__.__defaults__[0]


@TRANSFORMS.register_module()
class Pack3DDetInputs(MMDet3DPack):
    """mmdet3d's ``Pack3DDetInputs``, which packs ``depth`` too.

    ``inputs['depth']`` is (1, H, W) float32 metres for a model that sees
    depth. With ``depth_target=True`` the same map is
    ``data_samples.gt_depth``, for one that learns from it.

    Args:
        keys (Sequence[str]): As in mmdet3d; ``'depth'`` too.
        depth_target (bool): Whether the samples carry the depth map.
        meta_keys (Sequence[str]): Default: mmdet3d's, and what our heads
            read.

    Raises:
        ConfigError: A key is not in the sample, or depth does not lie on the
            picture, or a transform dropped objects, and not of all keys.
    """

    def __init__(self, keys: Sequence[str], depth_target: bool = False,
                 meta_keys: Sequence[str] | None = None) -> None:
        if isinstance(keys, str):
            raise ConfigError(f'Pack3DDetInputs: keys={keys!r}, expected a '
                              'list')
        super().__init__(
            keys=tuple(keys), meta_keys=tuple(meta_keys or dict.fromkeys(
                (*_DEFAULT, *META_KEYS, 'aug_scale', 'frame_id'))))
        self.depth_target = depth_target

    def transform(self, results: dict) -> dict:  # type: ignore[override]
        wanted = [*self.keys, *([_DEPTH] if self.depth_target else [])]
        for key in wanted:
            if key not in results:
                raise ConfigError(
                    f'Pack3DDetInputs: no transform has loaded {key!r} of '
                    f'{results.get("img_path", "a sample")}; '
                    + did_you_mean(key, [k for k in results]))
        depth = None
        if _DEPTH in wanted:
            check_aligned(_DEPTH, results, False, 'Pack3DDetInputs')
            depth = torch.from_numpy(
                np.ascontiguousarray(results[_DEPTH], np.float32))[None]
        plain = {key: value for key, value in results.items() if key != _DEPTH}
        packed = super().transform(plain)
        sample: Any = packed['data_samples']
        if 'kept' in results:
            solid = sample.gt_instances_3d
            count = len(results['kept'])
            if 'bboxes_3d' in solid and len(solid.bboxes_3d) != count:
                raise ConfigError(
                    f'Pack3DDetInputs: {results.get("img_path", "a sample")} '
                    f'has {len(solid.bboxes_3d)} objects, but kept says which '
                    f'of {count} to learn: a transform has dropped some; '
                    'choose classes by metainfo of the data set')
            solid['kept'] = torch.from_numpy(results['kept'])
        if _DEPTH in self.keys:
            packed['inputs'][_DEPTH] = depth
        if self.depth_target:
            sample.gt_depth = PixelData(data=depth)
        return packed
