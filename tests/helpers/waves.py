"""Inputs of the published numbers of MM-DistillNet's losses."""
import torch
from torch import Tensor


def wave(shape: tuple[int, ...], a: float) -> Tensor:
    """sin(a · (n + 1)) for the n-th element, rounded to float32."""
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(a * (n + 1)).float().reshape(shape)


SHAPES = ((2, 3, 4, 4), (2, 3, 2, 2))
STUDENT = [wave(SHAPES[0], 0.7), wave(SHAPES[1], 0.9)]
TEACHERS = [[wave(SHAPES[0], a), wave(SHAPES[1], a + 0.05)]
            for a in (1.1, 1.3, 1.7)]
