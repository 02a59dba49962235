"""What a detector learns at a place of a frame, weighed.

mmdet's heads have no common place for a weight of a frame or of a box: FCOS
has no label weights at all, and by default no assigner looks at ignored
boxes. What they share is that each value of their outputs belongs to one
place of one frame, and that their losses are sums over these values. So the
*gradient* that comes back to each value is multiplied by the weight of its
place: what the head and all before it learn is what a loss weighed place by
place would teach. The values that are logged stay as they are, and so do
normalisers such as the number of positives.
"""
from collections.abc import Iterator, Sequence
from typing import Any

from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.roi_heads import CascadeRoIHead, StandardRoIHead
from torch import Tensor, nn

from mmxkd.errors import ConfigError
from mmxkd.recording.recorders import map_tensors

from .frame_weights import (
    FrameWeights,
    grid_weights,
    roi_weights,
    scale_gradient,
)

_NO_HEADS = ('data_preprocessor', 'backbone', 'neck')
_ROI_PARTS = ('bbox_roi_extractor', 'bbox_head', 'shared_head')


class PredictionWeights:
    """Weighs what the heads of a detector give, while told to.

    For dense heads of mmdet (anchors or points, RPN) and for the heads of its
    two-stage and cascade detectors without masks.

    Args:
        detector (nn.Module): The detector.

    Raises:
        ConfigError: It has parts that predict in another form.
    """

    def __init__(self, detector: nn.Module) -> None:
        self._frames: Sequence[FrameWeights] | None = None
        self._image = (0, 0)
        self._grids: dict[tuple[int, int], Tensor] = {}
        self._rois: Tensor | None = None
        self._handles = []
        for head in list(_heads(detector)):
            if isinstance(head, BaseDenseHead):
                self._handles.append(head.register_forward_hook(self._dense))
                continue
            for extractor in _modules(head.bbox_roi_extractor):
                self._handles.append(
                    extractor.register_forward_pre_hook(
                        self._see_rois, with_kwargs=True))
            for part in _modules(head.bbox_head):
                self._handles.append(part.register_forward_hook(self._roi))

    def begin(self, frames: Sequence[FrameWeights], image: tuple[int,
                                                                 int]) -> None:
        """Weigh the next forward pass.

        Args:
            frames (list[FrameWeights]): Of the frames of the batch.
            image (tuple[int, int]): Height and width of the network's input.
        """
        self._image = image
        self._frames = None if all(f.plain for f in frames) else frames

    def end(self) -> None:
        """Weigh nothing, and forget the frames."""
        self._frames = self._rois = None
        self._grids = {}

    def remove(self) -> None:
        """Leave the detector as it was."""
        for handle in self._handles:
            handle.remove()

    def _dense(self, head: nn.Module, args: Any, output: Any) -> Any:
        frames = self._frames
        if frames is None:
            return None

        def weigh(value: Tensor) -> Tensor:
            if value.dim() != 4 or len(value) != len(frames):
                raise ConfigError(
                    f'{type(head).__name__} gave a tensor of shape '
                    f'{tuple(value.shape)} for {len(frames)} frames, expected '
                    '(N, C, H, W): labels of this head cannot be weighed by '
                    'their source or score')
            size = value.shape[-2], value.shape[-1]
            if size not in self._grids:
                self._grids[size] = grid_weights(frames, size, self._image,
                                                 value.detach())
            return scale_gradient(value, self._grids[size].to(value.dtype))

        return _same_form(output, map_tensors(weigh, output))

    def _see_rois(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        self._rois = kwargs.get('rois', args[1] if len(args) > 1 else None)

    def _roi(self, head: nn.Module, args: Any, output: Any) -> Any:
        if self._frames is None:
            return None
        assert self._rois is not None, 'a RoI head ran before its extractor'
        weights = roi_weights(self._frames, self._rois.detach())

        def weigh(value: Tensor) -> Tensor:
            shape = (-1, *[1] * (value.dim() - 1))
            return scale_gradient(value, weights.to(value).view(shape))

        return _same_form(output, map_tensors(weigh, output))


def _same_form(old: Any, new: Any) -> Any:
    """mmdet adds tuples to the outputs of heads."""
    return tuple(new) if isinstance(old, tuple) else new


def _modules(part: nn.Module) -> list[nn.Module]:
    """The stages of a cascade, or the one there is."""
    return list(part) if isinstance(part, nn.ModuleList) else [part]


def _heads(detector: nn.Module) -> Iterator[Any]:
    """The heads of a detector, each of a known form."""
    found = False
    for name, part in detector.named_children():
        if name.startswith(_NO_HEADS) or not any(True
                                                 for _ in part.parameters()):
            continue
        if isinstance(part, BaseDenseHead):
            inner = [
                m for m in part.modules()
                if isinstance(m, BaseDenseHead) and m is not part
            ]
            if inner:
                _refuse(detector, name, part)
        elif isinstance(part, (StandardRoIHead, CascadeRoIHead)):
            for below, inside in part.named_children():
                if below not in _ROI_PARTS and any(
                        True for _ in inside.parameters()):
                    _refuse(detector, f'{name}.{below}', part)
        else:
            _refuse(detector, name, part)
        found = True
        yield part
    if not found:
        raise ConfigError(f'{type(detector).__name__} has no head whose '
                          'labels can be weighed')


def _refuse(detector: nn.Module, name: str, part: nn.Module) -> None:
    raise ConfigError(
        f'{type(detector).__name__}.{name} ({type(part).__name__}): labels '
        'cannot be weighed by their source or score here; this is known for '
        "mmdet's dense heads and for two-stage detectors without masks. Leave "
        'out weights, by_score and ignore_below of LabelSourcesHook')
