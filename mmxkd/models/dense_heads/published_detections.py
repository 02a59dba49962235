"""Detections of EfficientDet's head as MM-DistillNet's code makes them."""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mmdet.structures.bbox import scale_boxes
from mmengine.structures import InstanceData
from torch import Tensor

from mmxkd.errors import ConfigError, check_known
from mmxkd.evaluation.functional.mm_distillnet import rows_of_outputs

_KEYS = ('as_published', 'classes', 'score_thr', 'nms')
_NMS = ('type', 'iou_threshold')


@dataclass(frozen=True)
class PublishedDetections:
    """What ``test_cfg=dict(as_published=True, …)`` asks for.

    Each anchor has its best class alone, boxes have whole pixels, and where
    anchors of other classes reach the threshold too, scores are those of
    other anchors: see :func:`mmxkd.evaluation.functional.mm_distillnet.
    rows_of_outputs`. There is no limit on the number of boxes.

    Attributes:
        classes: Indices of the classes that are kept; None: all.
        score_thr: What the best class of an anchor must exceed.
        iou_thr: Of the suppression within a class.
    """

    classes: tuple[int, ...] | None = None
    score_thr: float = 0.3
    iou_thr: float = 0.5

    @classmethod
    def of(cls, cfg: Mapping[str, Any] | None,
           num_classes: int) -> 'PublishedDetections | None':
        """Read a ``test_cfg``; None where it does not ask for this.

        Args:
            cfg (dict, optional): ``as_published``; ``classes``, indices;
                ``score_thr``; ``nms=dict(type='nms', iou_threshold=…)``.
            num_classes (int): Of the head.

        Raises:
            ConfigError: It has keys that the published code has no place
                for, or a value is out of range.
        """
        cfg = dict(cfg or {})
        if not cfg.get('as_published', False):
            if 'classes' in cfg:
                raise ConfigError('test_cfg.classes goes with '
                                  'as_published=True alone')
            return None
        strange = sorted(set(cfg) - set(_KEYS))
        if strange:
            raise ConfigError(
                f'test_cfg: {strange} do not go with as_published=True; '
                f'expected {_KEYS} alone. A config that inherits others '
                'needs _delete_=True')
        nms = dict(dict(type='nms', iou_threshold=cls.iou_thr),
                   **cfg.get('nms') or {})
        if set(nms) != set(_NMS) or nms['type'] != 'nms':
            raise ConfigError(
                f"test_cfg.nms={cfg['nms']}: as_published=True takes "
                "dict(type='nms', iou_threshold=…) alone")
        classes = cfg.get('classes')
        if classes is not None and not len(classes):
            raise ConfigError('test_cfg.classes is empty; leave it out to '
                              'keep all')
        for label in classes or ():
            check_known('test_cfg.classes', label, range(num_classes))
        found = cls(None if classes is None else tuple(classes),
                    cfg.get('score_thr', cls.score_thr), nms['iou_threshold'])
        for key, value in (('score_thr', found.score_thr),
                           ('nms.iou_threshold', found.iou_thr)):
            if not 0 <= value <= 1:
                raise ConfigError(f'test_cfg.{key}={value}, expected 0 to 1')
        return found

    def __call__(self, scores: Tensor, deltas: Tensor, anchors: Tensor,
                 coder: Any, meta: Mapping[str, Any],
                 rescale: bool) -> InstanceData:
        """Detections in one picture.

        Args:
            scores (Tensor): (A, C), 0 to 1.
            deltas (Tensor): (A, 4).
            anchors (Tensor): (A, 4), pixels of the input.
            coder: Decodes deltas.
            meta (dict): Of the picture. Boxes end where the padded input
                does (``batch_input_shape``), as published; without it, at
                ``img_shape``.
            rescale (bool): Whether boxes are of the original picture.

        Returns:
            InstanceData: ``bboxes``, ``scores`` and ``labels``, best first
            by what suppressed the others. Boxes left of or above the picture
            are among them, and end before they begin.

        Raises:
            ValueError: A score is not a number, or a box not finite.
        """
        # What is below the threshold plays no part; what is not a number is
        # an error.
        sure = ~(scores.amax(1) < self.score_thr)
        boxes = coder.decode(anchors[sure], deltas[sure])
        size = meta.get('batch_input_shape', meta['img_shape'])
        rows = torch.from_numpy(
            rows_of_outputs(boxes.cpu().numpy(), scores[sure].cpu().numpy(),
                            tuple(size[:2]), self.score_thr, self.iou_thr,
                            self.classes, as_published=True)).to(scores.device)
        found = InstanceData(bboxes=rows[:, :4], scores=rows[:, 4],
                             labels=rows[:, 5].long())
        if rescale:
            found.bboxes = scale_boxes(found.bboxes,
                                       [1 / s for s in meta['scale_factor']])
        return found
