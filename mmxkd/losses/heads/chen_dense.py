"""Chen et al. (NeurIPS 2017) on dense, anchor-based heads: SSD, RPN."""
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.losses.base import check_pairs
from mmxkd.losses.common.hard_negatives import hard_negatives
from mmxkd.losses.common.precision import in_full_precision
from mmxkd.losses.feature_mse import FeatureMSELoss
from mmxkd.registry import MODELS
from mmxkd.schedules import Progress

from .base import Head, require_attributes, require_equal
from .chen import ChenHeadLoss
from .layouts import check_priors


@MODELS.register_module()
class ChenDenseHeadLoss(ChenHeadLoss):
    r"""Soft classes, bounded boxes and a hint on logits, prior by prior.

    .. math:: L = \frac{1}{N}\Big((1 - \mu) \sum_{q \in Q} L_{soft,q}
              + \nu \sum_{p \in P} L_{bound,p}\Big)
              + \gamma \operatorname{mean}(S - T)^2

    The targets, the positives P and the factor N are those that the student's
    head draws for its own loss (``get_targets``). Q are the priors from which
    that loss learns classes: positives and mined negatives in an SSD head,
    the sampled priors in an RPN. This loss mines the negatives once more,
    from the student's logits, since mmdet does not return them.

    For heads with a background class (softmax), and heads with one class and
    a sigmoid (RPN), where the background has the rest of the probability.

    Args:
        logit_hint (float): :math:`\gamma`, the weight of the mean squared
            difference of all logits, over all priors and classes (a
            published SSD version has 0.5). For the paper's hints on features
            add a ``FeatureMSELoss``.
        **options: Of :class:`.chen.ChenHeadLoss`: ``mu``, ``temperature``,
            ``background_weight``, ``foreground_weight``, ``nu``, ``margin``,
            ``bound`` and ``hard_loss``.
    """

    def __init__(self, *, logit_hint: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.logit_hint = logit_hint
        self.hint = FeatureMSELoss()
        self.classes = self.channels = 0
        self.negative_ratio: float | None = None

    def check(self, student: Head, teacher: Head) -> None:
        """Compare classes, priors and the coding of boxes.

        Raises:
            ValueError: The predictions cannot be compared one by one.
        """
        for side, head in (('student', student), ('teacher', teacher)):
            require_attributes(
                head, ('num_classes', 'cls_out_channels', 'use_sigmoid_cls',
                       'prior_generator', 'get_targets'), side)
            if head.use_sigmoid_cls and head.cls_out_channels > 1:
                raise ValueError(
                    f'{type(head).__name__} of the {side} has a sigmoid for '
                    f'each of {head.cls_out_channels} classes, and no '
                    'background class to weigh; expected a softmax (SSD) or '
                    'one class (RPN)')
        for name in ('num_classes', 'use_sigmoid_cls'):
            require_equal(getattr(student, name), getattr(teacher, name), name)
        self.check_boxes(student, teacher)
        check_priors(student.prior_generator, teacher.prior_generator)
        if not self.named and student.num_classes == 1:
            # Maybe an RPN, whose loss comes first: a two-stage detector has a
            # loss_cls too, its RoI head's.
            self.hard_loss = ('loss_rpn_cls', 'loss_cls')
        self.classes = student.num_classes
        self.channels = student.cls_out_channels
        # One score per prior says that something is there, not what.
        self.compares_classes = self.channels > 1
        self.negative_ratio = (student.train_cfg or {}).get('neg_pos_ratio')

    def reads(self, student: str, teacher: str) -> dict[str, str]:
        """Predictions of both heads, and the student's targets."""
        return dict(s_prediction=f'student:{student}',
                    t_prediction=f'teacher:{teacher}',
                    targets=f'student:{student}.get_targets()')

    @in_full_precision
    def forward(self, s_prediction: Sequence, t_prediction: Sequence,
                targets: Sequence, progress: Progress) -> Tensor:
        """The loss.

        Args:
            s_prediction, t_prediction (Sequence): Class logits and deltas,
                lists of (N, A·C, H, W) and (N, A·4, H, W) per level.
            targets (Sequence): What ``AnchorHead.get_targets`` returns:
                labels, label weights, box targets and weights, each a list
                of (N, A·H·W, …) per level; and N, the average factor.
            progress (Progress): For a scheduled :math:`\\mu`.

        Raises:
            ValueError: The targets are of another kind, or shapes differ.
        """
        if len(targets) != 5:
            raise ValueError(
                'ChenDenseHeadLoss: get_targets gives '
                f'{len(targets)} values, expected the 5 of AnchorHead')
        check_pairs(type(self).__name__, s_prediction[0], t_prediction[0])
        labels, weights, boxes = (torch.cat(list(level), 1)
                                  for level in targets[:3])
        factor = targets[4]
        s_logits, s_deltas = self._flat(s_prediction)
        t_logits, t_deltas = self._flat(t_prediction)
        positive = (labels >= 0) & (labels < self.classes)
        chosen = positive | self._negatives(s_logits, labels, weights,
                                            positive)
        mu = self.mu_now(progress)
        soft = self.soft(
            _with_background(s_logits)[chosen],
            _with_background(t_logits)[chosen], factor)
        bound = self.bounded(s_deltas[positive], t_deltas[positive],
                             boxes[positive], factor)
        if not self.logit_hint:
            return self.total(mu, soft, bound)
        hint = self.hint(s_logits, t_logits)
        return self.total(mu, soft, bound,
                          hint=hint) + (self.logit_hint * hint)

    def _flat(self, prediction: Sequence) -> tuple[Tensor, Tensor]:
        """(N, P, C) logits and (N, P, 4) deltas of all levels."""
        return (flatten_levels(prediction[0], self.channels),
                flatten_levels(prediction[1], 4))

    def _negatives(self, logits: Tensor, labels: Tensor, weights: Tensor,
                   positive: Tensor) -> Tensor:
        """(N, P) bool: background priors from which the head learns."""
        negative = (labels == self.classes) & (weights > 0)
        if self.negative_ratio is None:
            return negative
        errors = F.cross_entropy(logits.detach().transpose(1, 2), labels,
                                 reduction='none')
        return hard_negatives(errors, positive, negative, self.negative_ratio)


def flatten_levels(levels: Sequence[Tensor], channels: int) -> Tensor:
    """All priors in one row, in the order of mmdet's targets.

    Args:
        levels (Sequence[Tensor]): (N, A·C, H, W) each.
        channels (int): C.

    Returns:
        Tensor: (N, P, C).
    """
    return torch.cat([
        level.permute(0, 2, 3, 1).reshape(len(level), -1, channels)
        for level in levels
    ], 1)


def _with_background(logits: Tensor) -> Tensor:
    """The logit of a sigmoid as two of a softmax; others unchanged."""
    if logits.shape[-1] > 1:
        return logits
    return torch.cat([logits, torch.zeros_like(logits)], -1)
