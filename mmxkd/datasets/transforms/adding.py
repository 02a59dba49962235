"""How a loader puts a modality into a sample."""
from os import PathLike

import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.modalities import get_modality


def add_modality(results: dict, name: str, value: np.ndarray,
                 path: str | PathLike) -> dict:
    """Put a loaded modality into a sample, if it lies in the frame of ``img``.

    Args:
        results (dict): The sample. Where it holds ``img``, a spatial modality
            must have the size of ``img``.
        name (str): The modality.
        value (np.ndarray): (H, W) or (H, W, C); sounds: (C, …).
        path (str | PathLike): The file it was read from, for the error.

    Returns:
        dict: The same sample.

    Raises:
        ConfigError: Nobody registered a modality of this name.
        CorruptSampleError: The sizes differ.
    """
    modality = get_modality(name)
    if modality.spatial and 'img' in results:
        image = results['img']
        if image.shape[:2] != value.shape[:2]:
            # Of integers, the type is the bit depth of the file.
            kind = f' {value.dtype}' if value.dtype.kind in 'iu' else ''
            raise CorruptSampleError(
                path, name, f'is {size_of(value)}{kind}, but img is '
                f'{size_of(image)}; both must lie in one frame')
    results[name] = value
    return results


def size_of(image: np.ndarray) -> str:
    """Width and height of (H, W, …) in words.

    Examples:
        >>> size_of(np.zeros((6, 9, 3)))
        '9x6'
    """
    return f'{image.shape[1]}x{image.shape[0]}'
