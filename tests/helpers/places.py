"""Samples whose modalities all show where each of their pixels was."""
import numpy as np
from mmdet.structures.bbox import HorizontalBoxes

H, W = 64, 96


def place_sample(height: int = H, width: int = W, empty: bool = False,
                 dtype: type = np.uint8) -> dict:
    """A sample that a pipeline has loaded.

    ``img`` shows 2x, 3y and 250; ``gated`` the same times 4 and ``thermal``
    its first channel; ``depth`` holds 1 + y·width + x in one pixel of four.

    Args:
        height, width (int): Of all of them.
        empty (bool): All modalities are black and without a value.
        dtype (type): Of ``img``.
    """
    y, x = np.mgrid[:height, :width]
    place = np.stack([2 * x, 3 * y, np.full_like(x, 250)], -1)
    depth = np.zeros((height, width), np.float32)
    depth[::2, ::2] = (1 + y * width + x)[::2, ::2]
    if empty:
        place, depth = place * 0, depth * 0
    return dict(
        img=place.astype(dtype), gated=place.astype(np.uint16) * 4,
        thermal=place[..., :1].astype(np.uint8), depth=depth,
        img_shape=(height, width), ori_shape=(height, width), img_path='a.png',
        img_id=0, gt_bboxes=HorizontalBoxes(
            np.array([[20., 16., 60., 48.], [4., 6., 30., 40.]], np.float32)),
        gt_bboxes_labels=np.array([0, 1]), gt_ignore_flags=np.zeros(2, bool))


def dense_apart(sample: dict) -> float:
    """By how much ``gated`` and ``thermal`` differ from ``img`` at most.

    Where both are there. A pixel to the side is 2, a pixel up or down 3.
    """
    img = sample['img'].astype(float)
    gated = sample['gated'].astype(float) / 4
    there = (img[..., 2] == img[..., 2].max()) & (gated[..., 2]
                                                  == gated[..., 2].max())
    if not there.any():
        return np.inf
    thermal = sample['thermal'][..., 0].astype(float)
    return max(
        np.abs(img - gated)[there].max(),
        np.abs(img[..., 0] - thermal)[there].max())


def sparse_apart(sample: dict, width: int = W, times: float = 1) -> float:
    """How many pixels a value of ``depth`` is at most from where it belongs.

    By ``gated``, which is finer than ``img``.

    Args:
        sample (dict): Of :func:`place_sample`, moved.
        width (int): The width that it had.
        times (float): By how much ``gated`` is darker than it was.
    """
    gated = sample['gated'].astype(float) / 4 * times
    depth = sample['depth']
    there = (depth > 0) & (gated[..., 2] == gated[..., 2].max())
    if not there.any():
        return np.inf
    y, x = np.divmod(depth[there].astype(int) - 1, width)
    return max(
        np.abs(gated[there, 0] / 2 - x).max(),
        np.abs(gated[there, 1] / 3 - y).max())
