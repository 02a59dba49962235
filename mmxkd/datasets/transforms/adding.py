"""How a loader puts a modality into a sample."""
from os import PathLike

import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.modalities import get_modality, spatial


def add_modality(results: dict, name: str, value: np.ndarray,
                 path: str | PathLike) -> dict:
    """Put a loaded modality into a sample, if it lies in its camera frame.

    The first picture of a sample gives it ``img_shape`` and ``ori_shape``, as
    ``img`` does, unless a loader of sound has said them.

    Args:
        results (dict): The sample. A spatial modality must have the size of
            those that it holds.
        name (str): The modality.
        value (np.ndarray): (H, W) or (H, W, C); sounds: (C, …).
        path (str | PathLike): The file it was read from, for the error.

    Returns:
        dict: The same sample.

    Raises:
        ConfigError: Nobody registered a modality of this name.
        CorruptSampleError: The sizes differ.
    """
    if get_modality(name).spatial:
        others = [m.name for m in spatial(results) if m.name != name]
        for other in others:
            seen = results[other]
            if seen.shape[:2] != value.shape[:2]:
                # Of integers, the type is the bit depth of the file.
                kind = f' {value.dtype}' if value.dtype.kind in 'iu' else ''
                raise CorruptSampleError(
                    path, name, f'is {size_of(value)}{kind}, but {other} is '
                    f'{size_of(seen)}; both must lie in one frame')
        if 'img_shape' not in results:
            results['img_shape'] = results['ori_shape'] = value.shape[:2]
    results[name] = value
    return results


def size_of(image: np.ndarray) -> str:
    """Width and height of (H, W, …) in words.

    Examples:
        >>> size_of(np.zeros((6, 9, 3)))
        '9x6'
    """
    return f'{image.shape[1]}x{image.shape[0]}'
