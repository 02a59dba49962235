"""Convolutions and pooling that pad as TensorFlow does."""
import math

from mmcv.cnn import build_norm_layer
from torch import Tensor, nn
from torch.nn import functional as F


class SamePadMaxPool2d(nn.MaxPool2d):
    """Max pooling whose output has ceil(size / stride) rows and columns.

    The map is filled up with zeros, half of them (rounded down) above and on
    the left. They take part in the maximum: at the border of a map of
    negative values the result is 0. So was EfficientDet trained whose weights
    we load (``effdet`` fills with minus infinity instead).

    Args:
        kernel_size (int): Of the window.
        stride (int): Step of the window.

    Examples:
        >>> import torch
        >>> x = -torch.arange(1., 17).reshape(1, 1, 4, 4)
        >>> SamePadMaxPool2d(3, 2)(x).flatten().tolist()
        [-1.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, kernel_size: int = 3, stride: int = 2) -> None:
        super().__init__(kernel_size, stride)
        self.window, self.step = kernel_size, stride

    def forward(self, x: Tensor) -> Tensor:
        """Pool (N, C, H, W) to (N, C, ceil(H / s), ceil(W / s))."""
        top, bottom = self._fill(x.shape[-2])
        left, right = self._fill(x.shape[-1])
        return super().forward(F.pad(x, (left, right, top, bottom)))

    def _fill(self, size: int) -> tuple[int, int]:
        windows = math.ceil(size / self.step)
        total = max((windows - 1) * self.step + self.window - size, 0)
        return total // 2, total - total // 2


class SeparableConv(nn.Module):
    """Depthwise 3×3, then pointwise 1×1 with bias, then batch norm.

    Args:
        in_channels (int): Of the input.
        out_channels (int): Of the output.
        norm_cfg (dict, optional): Of the norm after the pointwise
            convolution; None: there is none.
        bias (float): What the bias starts from.
    """

    def __init__(self, in_channels: int, out_channels: int,
                 norm_cfg: dict | None = None, bias: float = 0.) -> None:
        super().__init__()
        # With stride 1 and an odd kernel, "same" is symmetric.
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1,
                                   groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)
        self.norm = (nn.Identity() if norm_cfg is None else build_norm_layer(
            norm_cfg, out_channels)[1])
        self._start(bias)

    def _start(self, bias: float) -> None:
        """Keep the size of activations in both convolutions."""
        # The fan of a depthwise kernel is its 9 values. torch and mmengine
        # count the channels too, and would start sqrt(C) times too small.
        nn.init.normal_(self.depthwise.weight, std=1 / 3)
        nn.init.normal_(self.pointwise.weight,
                        std=self.pointwise.in_channels**-0.5)
        if self.pointwise.bias is not None:
            nn.init.constant_(self.pointwise.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) to (N, C_out, H, W)."""
        return self.norm(self.pointwise(self.depthwise(x)))


def projection(in_channels: int, out_channels: int,
               norm_cfg: dict) -> nn.Sequential:
    """A 1×1 convolution with bias and norm, and without activation."""
    # Not a ConvModule, which warns of a bias before a norm: the published
    # weights have one.
    conv = nn.Conv2d(in_channels, out_channels, 1)
    nn.init.normal_(conv.weight, std=in_channels**-0.5)
    return nn.Sequential(conv, build_norm_layer(norm_cfg, out_channels)[1])
