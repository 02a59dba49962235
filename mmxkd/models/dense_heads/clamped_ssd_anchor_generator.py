"""SSD's priors as its published versions have them: clamped."""
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

    def __init__(self, strides, ratios, min_sizes, max_sizes,
                 input_size: int = 300) -> None:
        for name, values in (('ratios', ratios), ('min_sizes', min_sizes),
                             ('max_sizes', max_sizes)):
            if values is None or len(values) != len(strides):
                raise ConfigError(
                    f'ClampedSSDAnchorGenerator: {name}={values}, expected '
                    f'one per level: {len(strides)}')
        super().__init__(strides, ratios, min_sizes, max_sizes,
                         scale_major=False)
        self.input_size = input_size

    def single_level_grid_priors(self, featmap_size: tuple[int, int],
                                 level_idx: int, dtype=torch.float32,
                                 device='cuda') -> Tensor:
        """(H·W·A, 4) x1, y1, x2, y2 of a level, rows first, pixels."""
        boxes = super().single_level_grid_priors(featmap_size, level_idx,
                                                 dtype, device)
        side = self.input_size
        centre = ((boxes[:, :2] + boxes[:, 2:]) / 2).clamp(0, side)
        size = (boxes[:, 2:] - boxes[:, :2]).clamp(0, side)
        return torch.cat([centre - size / 2, centre + size / 2], 1)
