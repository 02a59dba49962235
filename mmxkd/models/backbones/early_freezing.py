"""Backbones whose stages are frozen as soon as they are built."""
from typing import Self


class EarlyFreezing:
    """Goes ahead of an upstream backbone that freezes in ``train()`` alone.

    DDP counts the weights that learn when it wraps a model. mmcv's VGG and
    mmdet's MobileNetV2 and EfficientNet freeze theirs in ``train()``, which
    the runner calls behind that: DDP waits for gradients that never come, and
    the second step fails. So a backbone calls ``self.train()`` at the end of
    its ``__init__``, as mmdet's ResNet freezes there.
    """

    def train(self, mode: bool = True) -> Self:
        """As upstream; it returns the module, as PyTorch's does."""
        # Of the upstream class that comes after this one.
        super().train(mode)  # type: ignore[misc]
        return self
