"""How an array is moved, by the rules of :mod:`mmxkd.modalities`.

Arrays are (H, W) or (H, W, C) and keep their dtype. A modality of kind
``'dense'`` is interpolated; one whose rule is ``'valid_minimum'`` holds only
its own values afterwards, and 0 where it has none.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import mmcv
import numpy as np

from mmxkd.modalities import Modality


def by_channel(move: Callable[[np.ndarray], np.ndarray],
               values: np.ndarray) -> np.ndarray:
    """Apply a function of (H, W) to each channel of (H, W) or (H, W, C)."""
    if values.ndim == 2:
        return move(values)
    return np.stack([move(channel) for channel in np.moveaxis(values, -1, 0)],
                    axis=-1)


def resize_sparse(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a map with holes so that only its own values appear.

    Growing repeats values. Where several pixels fall into one, the smallest
    value that is there wins, which in a depth map is the nearest surface; so
    a lone LiDAR point survives, where nearest-neighbour sampling drops most.

    Args:
        values (np.ndarray): (H, W) or (H, W, C), 0 = no value. Each channel
            is resized by itself.
        size (tuple[int, int]): Height and width of the result.

    Returns:
        np.ndarray: (*size) or (*size, C), of the same dtype.

    Examples:
        >>> depth = np.array([[0., 7., 0., 0.],
        ...                   [9., 0., 0., 3.]], np.float32)
        >>> resize_sparse(depth, (1, 2))
        array([[7., 3.]], dtype=float32)
    """
    if values.ndim == 3:
        return by_channel(lambda channel: resize_sparse(channel, size), values)
    height, width = np.maximum(values.shape, size).tolist()
    grown = mmcv.imresize(values, (width, height), interpolation='nearest')
    rows = np.arange(height) * size[0] // height
    columns = np.arange(width) * size[1] // width
    y, x = np.nonzero(grown)
    return nearest_of(grown[y, x], rows[y], columns[x], size)


def nearest_of(values: np.ndarray, rows: np.ndarray, columns: np.ndarray,
               size: tuple[int, int]) -> np.ndarray:
    """A map of the smallest value that falls into each pixel.

    Args:
        values (np.ndarray): (N, ).
        rows, columns (np.ndarray): (N, ), the pixel of each value.
        size (tuple[int, int]): Height and width of the map.

    Returns:
        np.ndarray: (*size), of the dtype of the values; 0 where none falls.
    """
    nearest = np.full(size, np.inf)
    np.minimum.at(nearest, (rows, columns), values)
    nearest[np.isinf(nearest)] = 0
    return nearest.astype(values.dtype)


def nearer(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The smaller of two values where both are there, else the one that is."""
    both = np.minimum(first, second)
    # One of two numbers of which the other is 0.
    return np.where(both == 0, np.maximum(first, second), both)


def _resize_linear(values: np.ndarray, size: tuple[int, int],
                   **as_img: str) -> np.ndarray:
    resized = mmcv.imresize(values, size[::-1], **as_img)
    # OpenCV drops a last axis of length 1.
    return resized.reshape(*size, *values.shape[2:])


#: Each rule of the table that moves something, as a function of an array, its
#: new height and width, and how ``img`` is interpolated.
RESIZES: dict[str, Callable[..., np.ndarray]] = {
    'linear': _resize_linear,
    'valid_minimum': lambda values, size, **as_img: resize_sparse(
        values, size),
}


def exchanges_sides(direction: str) -> bool:
    """Whether a flip exchanges left and right."""
    return direction in ('horizontal', 'diagonal')


def _permute(sound: np.ndarray, direction: str,
             permutation: Sequence[int]) -> np.ndarray:
    return sound[list(permutation)] if exchanges_sides(direction) else sound


#: Each rule of the table, as a function of an array, the direction and the
#: permutation of the microphones.
FLIPS: dict[str, Callable[..., np.ndarray]] = {
    'mirrored': lambda values, direction, _: mmcv.imflip(values, direction),
    'microphones': _permute,
}


def warp(modality: Modality, values: np.ndarray, matrix: np.ndarray,
         size: tuple[int, int]) -> np.ndarray:
    """Move each pixel to where a homography takes it.

    Args:
        modality (Modality): Says how, and what fills the rest.
        values (np.ndarray): (H, W) or (H, W, C).
        matrix (np.ndarray): (3, 3), from old to new (x, y, 1), in pixels
            whose centres are whole numbers, as OpenCV counts.
        size (tuple[int, int]): Height and width of the result.
    """
    move = {'linear': _warp_linear, 'valid_minimum': _warp_sparse}
    return by_channel(
        lambda channel: move[modality.resize]
        (channel, matrix, size, modality.pad_value), values)


def _warp_linear(values: np.ndarray, matrix: np.ndarray, size: tuple[int, int],
                 fill: float) -> np.ndarray:
    return cv2.warpPerspective(values, matrix, dsize=size[::-1],
                               borderValue=[fill])


def _warp_sparse(values: np.ndarray, matrix: np.ndarray, size: tuple[int, int],
                 _: float) -> np.ndarray:
    # Looking back repeats values where the map grows, but drops points where
    # it shrinks; sending each point forward keeps them all.
    back = cv2.warpPerspective(values, matrix, dsize=size[::-1],
                               flags=cv2.INTER_NEAREST)
    y, x = np.nonzero(values)
    points = matrix @ np.stack([x, y, np.ones_like(x)])
    # What is behind the horizon of a homography does not appear.
    seen = points[2] > 0
    columns, rows = np.rint(points[:2, seen] / points[2, seen]).astype(int)
    inside = ((rows >= 0) & (rows < size[0])
              & (columns >= 0) & (columns < size[1]))
    forward = nearest_of(values[y, x][seen][inside], rows[inside],
                         columns[inside], size)
    return nearer(back, forward)


def blank(like: np.ndarray, size: tuple[int, int],
          fill: float | Sequence[float] | np.ndarray) -> np.ndarray:
    """An array of a size, with the channels and the dtype of another.

    Examples:
        >>> blank(np.zeros((4, 5, 2), np.uint8), (1, 2), 7).shape
        (1, 2, 2)
    """
    return np.full((*size, *like.shape[2:]), fill, like.dtype)


@dataclass(frozen=True)
class Window:
    """A part of an array, pasted into a blank one.

    Attributes:
        canvas (tuple[int, int]): Height and width of the result.
        target (tuple[int, int]): Row and column of the part in the result.
        source (tuple[int, int]): Row and column of the part in the array.
        size (tuple[int, int]): Height and width of the part.
    """

    canvas: tuple[int, int]
    target: tuple[int, int]
    source: tuple[int, int]
    size: tuple[int, int]

    def of(self, values: np.ndarray,
           fill: float | Sequence[float] | np.ndarray) -> np.ndarray:
        """The result for (H, W) or (H, W, C), with the rest filled."""
        (y, x), (height, width) = self.source, self.size
        part = values[y:y + height, x:x + width]
        if self.size == self.canvas:
            return part
        result = blank(values, self.canvas, fill)
        self.paste(result, part)
        return result

    def paste(self, result: np.ndarray, part: np.ndarray) -> None:
        """Write the part into an array of the size of the canvas."""
        (y, x), (height, width) = self.target, self.size
        result[y:y + height, x:x + width] = part


def pad(values: np.ndarray, size: tuple[int, int],
        fill: float | Sequence[float], mode: str) -> np.ndarray:
    """Pad at the bottom and on the right, as ``mmcv.impad`` does.

    Args:
        values (np.ndarray): (H, W) or (H, W, C).
        size (tuple[int, int]): Height and width of the result.
        fill (float | Sequence[float]): A number, or one per channel.
        mode (str): ``padding_mode`` of ``mmcv.impad``.
    """
    channels = values.reshape(*values.shape[:2], -1)
    fills = np.broadcast_to(fill, channels.shape[2]).tolist()
    # One by one: OpenCV fills only the first channel with a single number,
    # and refuses more than four.
    padded = [
        mmcv.impad(channels[..., i], shape=size, pad_val=fills[i],
                   padding_mode=mode) for i in range(len(fills))
    ]
    return np.stack(padded, axis=-1).reshape(*size, *values.shape[2:])
