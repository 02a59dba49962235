"""Priors as text, a small part of what they are as numbers.

They lie on grids: column by column, most of them repeat what stood before.
"""
import base64
import zlib

import numpy as np

_BYTES = 4 * 4


def pack_priors(priors: np.ndarray) -> str:
    """(P, 4) float32, column by column, deflated, in base 64."""
    columns = np.ascontiguousarray(priors.astype('<f4').T)
    return base64.b64encode(zlib.compress(columns.tobytes(), 9)).decode()


def unpack_priors(text: str, number: int) -> np.ndarray:
    """What was packed.

    Args:
        text (str): Of :func:`pack_priors`.
        number (int): P, as the network has them.

    Returns:
        np.ndarray: (P, 4) float32.

    Raises:
        ValueError: The text is something else, or holds another number.
    """
    deflated = base64.b64decode(text, validate=True)
    reader = zlib.decompressobj()
    try:
        # One byte more would be too many, however many there are.
        content = reader.decompress(deflated, number * _BYTES + 1)
    except zlib.error as error:
        raise ValueError(f'priors: {error}') from error
    if len(content) != number * _BYTES or not reader.eof:
        raise ValueError(f'priors: expected {number} of them')
    return np.ascontiguousarray(np.frombuffer(content, '<f4').reshape(4, -1).T)
