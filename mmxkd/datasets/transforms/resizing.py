"""Resizing to drawn and to fixed sizes, for all modalities alike."""
from typing import Any

from mmcv import transforms as mmcv_transforms
from mmdet.datasets import transforms as mmdet_transforms

from mmxkd.registry import TRANSFORMS

from .geometry import InFrame, Pad, resize_beside_img

# The class that does the resizing in those that only draw the size.
_RESIZE = 'mmxkd.Resize'


@TRANSFORMS.register_module()
class RandomResize(mmcv_transforms.RandomResize):
    """mmcv's ``RandomResize``, by ``mmxkd.Resize`` unless said otherwise."""

    def __init__(self, *args, resize_type: str = _RESIZE, **kwargs) -> None:
        super().__init__(*args, resize_type=resize_type, **kwargs)


@TRANSFORMS.register_module()
class RandomChoiceResize(mmcv_transforms.RandomChoiceResize):
    """mmcv's ``RandomChoiceResize``, by ``mmxkd.Resize``."""

    def __init__(self, *args, resize_type: str = _RESIZE, **kwargs) -> None:
        super().__init__(*args, resize_type=resize_type, **kwargs)


@TRANSFORMS.register_module()
class ResizeShortestEdge(InFrame, mmdet_transforms.ResizeShortestEdge):
    """mmdet's ``ResizeShortestEdge``, by ``mmxkd.Resize``."""

    def __init__(self, *args, resize_type: str = _RESIZE, **kwargs) -> None:
        super().__init__(*args, resize_type=resize_type, **kwargs)


@TRANSFORMS.register_module()
class FixScaleResize(InFrame, mmdet_transforms.FixScaleResize):
    """mmdet's ``FixScaleResize`` for every spatial modality of a sample."""

    def _resize_img(self, results: dict) -> None:
        super()._resize_img(results)
        resize_beside_img(results, interpolation=self.interpolation,
                          backend=self.backend)


@TRANSFORMS.register_module()
class FixShapeResize(InFrame, mmdet_transforms.FixShapeResize):
    """mmdet's ``FixShapeResize`` for every spatial modality of a sample.

    With ``keep_ratio=True`` it pads as :class:`mmxkd.Pad` does.
    """

    pad_transform: Any

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.keep_ratio:
            self._pad = Pad(size=self.scale,
                            pad_val=dict(self.pad_transform.pad_val))
            # mmdet calls it when img is resized and not yet padded.
            self.pad_transform = self._resize_others_and_pad

    def _resize_others(self, results: dict) -> None:
        resize_beside_img(results, interpolation=self.interpolation,
                          backend=self.backend)

    def _resize_others_and_pad(self, results: dict) -> None:
        self._resize_others(results)
        # Not called as a transform of a pipeline: it is a part of this one.
        self._pad.transform(results)

    def transform(self, results: dict) -> dict:
        results = super().transform(results)
        if not self.keep_ratio:
            self._resize_others(results)
        return results
