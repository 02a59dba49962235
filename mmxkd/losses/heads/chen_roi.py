"""Chen et al. (NeurIPS 2017) on the RoI head of a two-stage detector."""
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmxkd.losses.common.precision import in_full_precision
from mmxkd.registry import MODELS
from mmxkd.schedules import Progress

from .base import Head, LateCaller, require_attributes, require_equal
from .chen import ChenHeadLoss


@MODELS.register_module()
class ChenRoIHeadLoss(ChenHeadLoss):
    r"""Soft classes and bounded boxes on the student's RoIs.

    .. math:: L = \frac{1}{N}\Big((1 - \mu) \sum_q L_{soft,q}
              + \nu \sum_{p \in P} L_{bound,p}\Big)

    over the N RoIs that the student has sampled, of which P are positive.
    The teacher predicts for the same RoIs, with its own features, after the
    student has run.

    Args:
        feature (str): The teacher's layer whose outputs its RoI head sees.
        **options: Of :class:`.chen.ChenHeadLoss`: ``mu``, ``temperature``,
            ``background_weight``, ``foreground_weight``, ``nu``, ``margin``,
            ``bound`` and ``hard_loss``.
    """
    fixed = ('targets', 'rois')

    def __init__(self, *, feature: str = 'neck', **options: Any) -> None:
        super().__init__(**options)
        self.feature = feature
        self.classes = 0

    def check(self, student: Head, teacher: Head) -> None:
        """Compare classes and the coding of boxes.

        Raises:
            ValueError: The predictions cannot be compared one by one.
        """
        for side, head in (('student', student), ('teacher', teacher)):
            require_attributes(
                head, ('bbox_head', 'bbox_roi_extractor', '_bbox_forward'),
                side)
            if isinstance(head.bbox_head, nn.ModuleList):
                raise ValueError(f'{type(head).__name__} of the {side} is a '
                                 'cascade; expected one stage')
            if getattr(head.bbox_head.loss_cls, 'use_sigmoid', False):
                raise ValueError(f'{type(head.bbox_head).__name__} of the '
                                 f'{side} has sigmoids, and no background '
                                 'class to weigh; expected a softmax')
        own, other = student.bbox_head, teacher.bbox_head
        for name in ('num_classes', 'reg_class_agnostic'):
            require_equal(getattr(own, name), getattr(other, name), name)
        self.check_boxes(own, other)
        self.classes = own.num_classes

    def reads(self, student: str, teacher: str) -> dict[str, str]:
        """Predictions, targets and RoIs of the student; teacher's features."""
        return dict(s_prediction=f'student:{student}.bbox_head',
                    t_feature=f'teacher:{self.feature}',
                    targets=f'student:{student}.bbox_head.get_targets()',
                    rois=f'student:{student}.bbox_roi_extractor.inputs[1]')

    @in_full_precision
    def forward(self, s_prediction: Sequence, t_feature: Sequence,
                targets: Sequence, rois: Tensor, progress: Progress,
                teacher_model: LateCaller) -> Tensor:
        """The loss.

        Args:
            s_prediction (Sequence): (N, C + 1) logits and (N, C·4) deltas,
                or (N, 4) where the head is class-agnostic.
            t_feature (Sequence): The teacher's feature levels.
            targets (Sequence): What ``BBoxHead.get_targets`` returns:
                labels, label weights, box targets and weights, (N, …).
            rois (Tensor): (N, 5) image, x1, y1, x2, y2 in pixels.
            progress (Progress): For a scheduled :math:`\\mu`.
            teacher_model (LateCaller): Predicts for the RoIs.
        """
        with teacher_model.late_call() as model:
            head: Head = model.get_submodule(self.teacher_head)
            found = head._bbox_forward(t_feature, rois)
        labels, weights, boxes = targets[:3]
        positive = (labels >= 0) & (labels < self.classes)
        chosen = weights > 0
        s_deltas = self._of_class(s_prediction[1], positive, labels)
        t_deltas = self._of_class(found['bbox_pred'].float(), positive, labels)
        soft = self.soft(s_prediction[0][chosen],
                         found['cls_score'].float()[chosen],
                         max(int(chosen.sum()), 1))
        bound = self.bounded(s_deltas, t_deltas, boxes[positive],
                             max(len(boxes), 1))
        return self.total(self.mu_now(progress), soft, bound)

    @staticmethod
    def _of_class(deltas: Tensor, positive: Tensor, labels: Tensor) -> Tensor:
        """(P, 4): the box of its class, for each positive RoI."""
        deltas = deltas.reshape(len(deltas), -1, 4)[positive]
        if deltas.shape[1] == 1:
            return deltas[:, 0]
        index = labels[positive][:, None, None].expand(-1, 1, 4)
        return deltas.gather(1, index)[:, 0]
