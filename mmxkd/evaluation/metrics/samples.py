"""What the KITTI metrics read from data samples."""
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmxkd.errors import ConfigError


def frame_id_of(sample: Mapping) -> str:
    """KITTI's id of a sample: the name of its image, or of its scan.

    A sample's index in the data set is another one on each split.

    Raises:
        ConfigError: The sample names neither file.
    """
    for key in ('img_path', 'lidar_path'):
        path = sample.get(key)
        # A 3-D data set lists the images of a scan: that of its camera.
        if isinstance(path, (list, tuple)) and len(path) == 1:
            path = path[0]
        if isinstance(path, (str, os.PathLike)):
            return Path(path).stem
    raise ConfigError(
        "a prediction has neither 'img_path' nor 'lidar_path', hence no "
        "frame id: add one of them to the meta_keys of the pipeline's "
        'packing transform')


def image_size_of(frame_id: str, sample: Mapping) -> tuple[int, int]:
    """Width and height of the image as it is on disk, pixels.

    Raises:
        ConfigError: The sample does not say.
    """
    if 'ori_shape' not in sample:
        raise ConfigError(
            f"frame {frame_id}: the prediction has no 'ori_shape', the size "
            'of the image: add it to the meta_keys of the packing transform')
    height, width = sample['ori_shape'][:2]
    return int(width), int(height)


def instances_of(frame_id: str, sample: Mapping, field: str,
                 keys: Sequence[str]) -> list[np.ndarray]:
    """Predicted values of one frame as float64 arrays, checked.

    Args:
        frame_id (str): For messages.
        sample (Mapping): A data sample, as the metrics of mmengine get it.
        field (str): ``'pred_instances'`` or ``'pred_instances_3d'``.
        keys (Sequence[str]): What to take from there.

    Raises:
        ConfigError: The model gave no such predictions.
        ValueError: One of them is NaN or infinite.
    """
    found = sample.get(field, {})
    missing = [key for key in keys if key not in found]
    if missing:
        raise ConfigError(
            f'frame {frame_id}: the model predicted no {field}.{missing[0]}')
    arrays = []
    for key in keys:
        # Boxes are a tensor, or an object around one.
        value = getattr(found[key], 'tensor', found[key])
        array = value.detach().cpu().double().numpy()
        finite = np.isfinite(array)
        bad = np.flatnonzero(~(finite if array.ndim == 1 else finite.all(
            axis=1)))
        if bad.size:
            raise ValueError(f'frame {frame_id}: detection {bad[0]} has '
                             f'{field}.{key} = {array[bad[0]].tolist()}')
        arrays.append(array)
    return arrays
