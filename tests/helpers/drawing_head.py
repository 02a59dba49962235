"""A model whose head calls one of its own methods twice."""
import torch
from torch import nn


class Head(nn.Module):

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def draw(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.draw(x) + self.draw(2 * x)


class Model(nn.Module):

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.head = Head(factor)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x)
