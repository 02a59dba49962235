"""The anchors of EfficientDet."""
from collections.abc import Sequence

import torch
from mmdet.models.task_modules.prior_generators import AnchorGenerator
from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.registry import TASK_UTILS


@TASK_UTILS.register_module()
class EfficientDetAnchorGenerator(AnchorGenerator):
    """Anchors of three scales and three shapes, centred in their cells.

    mmdet's ratio of 0.5 makes (√2, 1/√2) times the base size; EfficientDet
    has (1.4, 0.7), whose area is 2 % smaller. Positions are computed in
    float64 and rounded to float32 once, as published.

    Args:
        strides (Sequence[int]): Of the levels, pixels.
        base_scale (float): Size of the smallest square anchor, in strides.
        scales_per_octave (int): Scales between a size and its double.
        shapes (Sequence[tuple[float, float]]): Width and height of each
            shape, in units of the size.

    Raises:
        ConfigError: A shape is not two numbers above 0.

    Examples:
        >>> anchors = EfficientDetAnchorGenerator([8, 16])
        >>> anchors.num_base_priors
        [9, 9]
        >>> anchors.grid_priors([(2, 2), (1, 1)], device='cpu')[0][0].tolist()
        [-12.0, -12.0, 20.0, 20.0]

    Source: the method's sheet, section 3.1.
    """

    def __init__(
        self, strides: Sequence[int] = (8, 16, 32, 64, 128),
        base_scale: float = 4, scales_per_octave: int = 3,
        shapes: Sequence[tuple[float,
                               float]] = ((1, 1), (1.4, 0.7), (0.7, 1.4))
    ) -> None:
        for shape in shapes:
            if len(shape) != 2 or min(shape) <= 0:
                raise ConfigError(
                    f'EfficientDetAnchorGenerator: shapes has {shape!r}, '
                    'expected a width and a height above 0')
        self.shapes = tuple(shapes)
        super().__init__(list(strides), [h / w for w, h in shapes],
                         octave_base_scale=base_scale,
                         scales_per_octave=scales_per_octave,
                         scale_major=False, center_offset=0.5)

    def gen_single_level_base_anchors(
            self, base_size: float, scales: Tensor, ratios: Tensor,
            center: tuple[float, float] | None = None) -> Tensor:
        """(9, 4) float64 x1, y1, x2, y2 around the centre of a cell."""
        del ratios  # The shapes say more.
        # `scales` were rounded to float32.
        exact = [
            self.octave_base_scale * 2**(i / self.scales_per_octave)
            for i in range(len(scales))
        ]
        x, y = center or (self.center_offset * base_size, ) * 2
        halves = torch.tensor([(scale * w, scale * h) for scale in exact
                               for w, h in self.shapes],
                              dtype=torch.float64) * (base_size / 2)
        middle = torch.tensor((x, y), dtype=torch.float64)
        return torch.cat([middle - halves, middle + halves], dim=1)

    def single_level_grid_priors(
            self, featmap_size: tuple[int, int], level_idx: int,
            dtype: torch.dtype = torch.float32,
            device: str | torch.device = 'cuda') -> Tensor:
        """(H · W · 9, 4) anchors; x grows fastest of the positions."""
        base = self.base_anchors[level_idx].to(device)
        height, width = featmap_size
        step_x, step_y = self.strides[level_idx]
        x = torch.arange(width, device=device).double() * step_x
        y = torch.arange(height, device=device).double() * step_y
        y, x = torch.meshgrid(y, x, indexing='ij')
        shifts = torch.stack([x, y, x, y], dim=-1).view(-1, 1, 4)
        return (shifts + base).view(-1, 4).float().to(dtype)
