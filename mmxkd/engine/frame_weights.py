"""How much is learned at each place of a frame."""
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class FrameWeights:
    """What weighs how much in one frame.

    Attributes:
        base (float): The weight of every place, unless a box says otherwise.
        boxes (Tensor): (n, 4) xyxy in pixels of the network's input.
        factors (Tensor): (n,), by which ``base`` is multiplied inside of a
            box; where boxes overlap, the smallest one counts.
    """
    base: float
    boxes: Tensor
    factors: Tensor

    @property
    def plain(self) -> bool:
        """Whether everything weighs 1."""
        return self.base == 1 and bool((self.factors == 1).all())

    def at(self, points: Tensor, reach: tuple[float,
                                              float] = (0.0, 0.0)) -> Tensor:
        """Weights at some points.

        Args:
            points (Tensor): (k, 2), x and y in pixels of the input.
            reach (tuple[float, float]): Least half width and height that a
                box counts with, so that none falls between the points of a
                coarse grid.

        Returns:
            Tensor: (k,).
        """
        weights = points.new_full((len(points), ), self.base)
        if not len(self.boxes) or not len(points):
            return weights
        boxes = self.boxes.to(points)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        sides = boxes[:, 2:] - boxes[:, :2]
        half = torch.maximum(sides / 2, points.new_tensor(reach))
        inside = ((points[:, None] - centres).abs() <= half).all(-1)
        areas = sides.prod(-1).expand(len(points), -1)
        smallest = areas.masked_fill(~inside, torch.inf).argmin(1)
        factors = self.factors.to(points)[smallest]
        return torch.where(inside.any(1), weights * factors, weights)


def grid_weights(frames: Sequence[FrameWeights], size: tuple[int, int],
                 image: tuple[int, int], like: Tensor) -> Tensor:
    """Weights of the cells of one level, (N, 1, H, W).

    Args:
        frames (list[FrameWeights]): Of the N frames.
        size (tuple[int, int]): H and W of the level.
        image (tuple[int, int]): Height and width of the network's input.
        like (Tensor): For device and dtype.
    """
    steps = [whole / cells for whole, cells in zip(image, size, strict=True)]
    y, x = (step * (torch.arange(cells, device=like.device) + 0.5)
            for step, cells in zip(steps, size, strict=True))
    points = torch.stack(torch.meshgrid(x, y, indexing='xy'), -1)
    points = points.reshape(-1, 2)
    reach = (steps[1] / 2, steps[0] / 2)
    weights = torch.stack([frame.at(points, reach) for frame in frames])
    return weights.reshape(len(frames), 1, *size).to(like)


def roi_weights(frames: Sequence[FrameWeights], rois: Tensor) -> Tensor:
    """Weights of regions, by their centres: (K,).

    Args:
        frames (list[FrameWeights]): Of the frames of the batch.
        rois (Tensor): (K, 5), number of the frame and xyxy.
    """
    weights = rois.new_ones(len(rois))
    for number, frame in enumerate(frames):
        own = rois[:, 0] == number
        weights[own] = frame.at((rois[own, 1:3] + rois[own, 3:5]) / 2)
    return weights


class _ScaleGradient(torch.autograd.Function):

    @staticmethod
    def forward(ctx, value: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return value.view_as(value)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (weight, ) = ctx.saved_tensors
        return gradient * weight, None


def scale_gradient(value: Tensor, weight: Tensor) -> Tensor:
    """The identity, whose gradient is multiplied by a weight.

    Examples:
        >>> x = torch.ones(2, requires_grad=True)
        >>> scale_gradient(x, torch.tensor([0.5, 0.])).sum().backward()
        >>> x.grad
        tensor([0.5000, 0.0000])
    """
    return _ScaleGradient.apply(value, weight)
