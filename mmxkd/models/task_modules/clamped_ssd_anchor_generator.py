"""SSD's priors as its published versions have them: clamped."""
from collections.abc import Sequence

import numpy as np
import torch
from mmdet.models.task_modules.prior_generators import SSDAnchorGenerator
from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.registry import TASK_UTILS


@TASK_UTILS.register_module()
class ClampedSSDAnchorGenerator(SSDAnchorGenerator):
    """Priors whose centre, width and height end at the size of the input.

    Not the corners are clamped, as mmdet does after decoding, but centre and
    size each for itself: a prior that is wider than the picture becomes as
    wide as it, and one whose centre lies beyond comes back to the border.

    Args:
        strides, ratios, min_sizes, max_sizes: Of mmdet's
            ``SSDAnchorGenerator``, one entry per level.
        input_size (int): Side of the square input, pixels.

    Raises:
        ConfigError: ``min_sizes`` or ``max_sizes`` is missing, or one of the
            lists has another length than ``strides``.

    Examples:
        >>> generator = ClampedSSDAnchorGenerator(
        ...     strides=[300], ratios=[[2]], min_sizes=[285],
        ...     max_sizes=[330], input_size=300)
        >>> boxes = generator.grid_priors([(1, 1)], device='cpu')[0]
        >>> [[round(v, 1) for v in box] for box in boxes[2:].tolist()]
        [[0.0, 49.2, 300.0, 250.8], [49.2, 0.0, 250.8, 300.0]]
    """

    def __init__(self, strides: Sequence[int],
                 ratios: Sequence[Sequence[float]], min_sizes: Sequence[float],
                 max_sizes: Sequence[float], input_size: int = 300) -> None:
        for name, values in (('ratios', ratios), ('min_sizes', min_sizes),
                             ('max_sizes', max_sizes)):
            if values is None or len(values) != len(strides):
                raise ConfigError(
                    f'ClampedSSDAnchorGenerator: {name}={values}, expected '
                    f'one per level: {len(strides)}')
        super().__init__(strides, ratios, min_sizes, max_sizes,
                         scale_major=False)
        self.input_size = input_size
        self._shapes = [
            _shapes(*sizes)
            for sizes in zip(ratios, min_sizes, max_sizes, strict=True)
        ]

    def unit_priors(self, featmap_size: tuple[int, int],
                    level_idx: int) -> Tensor:
        """The priors of a level as parts of the picture.

        Rounded to float32 at the same places as in published code: which of
        several equally good priors an object goes to depends on it, see
        :class:`.ssd_assigner.SSDAssigner`.

        Args:
            featmap_size (tuple[int, int]): H, W of the level.
            level_idx (int): The level.

        Returns:
            Tensor: (H·W·A, 4) x1, y1, x2, y2, rows first; float32.
        """
        scale_x, scale_y = (self.input_size / s
                            for s in self.strides[level_idx])
        height, width = featmap_size
        shapes = self._shapes[level_idx] / self.input_size
        table = np.empty((height, width, len(shapes), 4))
        table[..., 0] = ((np.arange(width) + .5) / scale_x)[:, None]
        table[..., 1] = ((np.arange(height) + .5) / scale_y)[:, None, None]
        table[..., 2:] = shapes
        priors = torch.from_numpy(table.reshape(-1, 4)).float().clamp_(0, 1)
        half = priors[:, 2:] / 2
        return torch.cat([priors[:, :2] - half, priors[:, :2] + half], 1)

    def single_level_grid_priors(
            self, featmap_size: tuple[int, int], level_idx: int,
            dtype: torch.dtype = torch.float32,
            device: torch.device | str = 'cuda') -> Tensor:
        """(H·W·A, 4) x1, y1, x2, y2 of a level, rows first, pixels."""
        priors = self.unit_priors(featmap_size, level_idx)
        return (priors * self.input_size).to(device=device, dtype=dtype)


def _shapes(ratios: Sequence[float], small: float, large: float) -> np.ndarray:
    """(A, 2) width and height of the priors of a cell, pixels."""
    middle = (small * large)**.5
    shapes = [(small, small), (middle, middle)]
    for ratio in ratios:
        root = ratio**.5
        shapes += [(small * root, small / root), (small / root, small * root)]
    return np.array(shapes)
