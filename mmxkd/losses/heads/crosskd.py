"""CrossKD (Wang et al., CVPR 2024)."""
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import repeat
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmxkd.losses.base import check_pairs
from mmxkd.losses.common.giou import generalized_iou
from mmxkd.losses.common.precision import in_full_precision
from mmxkd.recording.methods import supplied, tap_method
from mmxkd.registry import MODELS

from .base import (
    Head,
    HeadLoss,
    LateCaller,
    require_attributes,
    require_equal,
)
from .chen_dense import flatten_levels
from .layouts import check_priors

TOWERS = ('cls_convs', 'reg_convs')


@MODELS.register_module()
class CrossKDLoss(HeadLoss):
    r"""The student's features, finished by the teacher's head, predict what
    the teacher predicts.

    .. math:: L = \frac{1}{|S|} \sum_r \Big(w_{cls} D_{cls}(\hat p_r, p_r)
              + w_{reg}\, S_r\, D_{reg}(\hat b_r, b_r)\Big)

    :math:`p, b` are the teacher's classes and boxes at prior r;
    :math:`\hat p, \hat b` come from the student's features after the
    ``position``-th convolution of each tower, which then pass through the
    rest of the teacher's frozen head. The gradient flows back through it. So
    the student's own predictions learn from the ground truth only.

    * :math:`D_{cls}` is the quality focal loss (Li et al., NeurIPS 2020),
      :math:`\sum_c |\hat p_c - p_c|^\beta \operatorname{BCE}(\hat p_c,
      p_c)`, for any head with sigmoids.
    * :math:`D_{reg}` is 1 - GIoU of the decoded boxes, and for heads that
      predict distributions (GFL) the divergence :math:`\operatorname{KL}
      (b \,\|\, \hat b)`, the mean of the four sides.

    Our reading: :math:`S_r = \max_c p_{r,c}`, the teacher's confidence, says
    where the foreground is, without an assignment by the student, and
    :math:`|S| = \max(\sum_r S_r, 1)` normalises both terms.

    For heads with the towers ``cls_convs`` and ``reg_convs``: RetinaNet,
    ATSS, FCOS, GFL and similar ones. Where the towers differ in channels, a
    1×1 convolution (PyTorch's initialisation), shared by all levels, connects
    them.

    Args:
        position (int): Convolutions of the student before the crossing,
            from 1; the teacher goes on after the same number. The paper's
            best is 3 of 4.
        beta (float): :math:`\beta`.
        cls_weight, reg_weight (float): :math:`w_{cls}, w_{reg}`.
    """

    def __init__(self, position: int = 3, beta: float = 1.0,
                 cls_weight: float = 1.0, reg_weight: float = 1.0) -> None:
        super().__init__()
        self.position, self.beta = position, beta
        self.cls_weight, self.reg_weight = cls_weight, reg_weight
        self.connectors = nn.ModuleDict()
        self.channels = 0

    def check(self, student: Head, teacher: Head) -> None:
        """Compare the towers, and make connectors between them.

        Raises:
            ValueError: A head has no such towers or no sigmoids, a tower is
                too short, or the priors or classes differ.
        """
        for side, head in (('student', student), ('teacher', teacher)):
            require_attributes(head,
                               (*TOWERS, 'cls_out_channels', 'use_sigmoid_cls',
                                'prior_generator', 'bbox_coder'), side)
            if not head.use_sigmoid_cls:
                raise ValueError(f'{type(head).__name__} of the {side} has a '
                                 'softmax; expected sigmoids')
            for tower in TOWERS:
                self._check_tower(getattr(head, tower), f'{tower} of the '
                                  f'{side}')
        require_equal(student.cls_out_channels, teacher.cls_out_channels,
                      'cls_out_channels')
        if hasattr(student.prior_generator, 'base_anchors'):
            check_priors(student.prior_generator, teacher.prior_generator)
        require_equal(student.prior_generator.strides,
                      teacher.prior_generator.strides, 'strides')
        self.channels = teacher.cls_out_channels
        for tower in TOWERS:
            own, other = (_channels(getattr(head, tower)[self.position - 1])
                          for head in (student, teacher))
            if own != other:
                self.connectors[tower] = nn.Conv2d(own, other, 1)

    def _check_tower(self, tower: nn.ModuleList, where: str) -> None:
        if not 1 <= self.position <= len(tower):
            raise ValueError(f'position={self.position}: {where} has '
                             f'{len(tower)} convolutions')
        if isinstance(tower[self.position - 1],
                      (nn.ModuleList, nn.Sequential)):
            raise ValueError(f'{where} has one tower per level; expected one '
                             'tower for all levels')

    def reads(self, student: str, teacher: str) -> dict[str, str]:
        """The student's towers, and the teacher's predictions."""
        at = self.position - 1
        return dict(s_cls=f'student:{student}.cls_convs.{at}@*',
                    s_reg=f'student:{student}.reg_convs.{at}@*',
                    t_prediction=f'teacher:{teacher}')

    @in_full_precision
    def forward(self, s_cls: Sequence[Tensor], s_reg: Sequence[Tensor],
                t_prediction: Sequence, teacher_model: LateCaller) -> Tensor:
        """The loss.

        Args:
            s_cls, s_reg (Sequence[Tensor]): Features of the student's
                towers, (N, C, H, W) per level.
            t_prediction (Sequence): Class logits and boxes of the teacher,
                each a list of levels.
            teacher_model (LateCaller): Its head finishes the features.

        Raises:
            ValueError: The levels differ in size.
        """
        with teacher_model.late_call(gradient=True) as model:
            head: Head = model.get_submodule(self.teacher_head)
            crossed = self._cross(head, s_cls, s_reg)
        check_pairs(type(self).__name__, crossed[0], t_prediction[0])
        logits = [
            flatten_levels(p[0], self.channels).float()
            for p in (crossed, t_prediction)
        ]
        truth = logits[1].detach().sigmoid()
        weight = truth.amax(-1)
        norm = weight.sum().clamp(min=1)
        cls = self._quality_focal(logits[0], truth).sum() / norm
        boxes = [[level.float() for level in p[1]]
                 for p in (crossed, t_prediction)]
        reg = (self._distance(head, *boxes) * weight).sum() / norm
        self._note(cls=cls, reg=reg)
        return self.cls_weight * cls + self.reg_weight * reg

    def _cross(self, head: Head, s_cls: Sequence[Tensor],
               s_reg: Sequence[Tensor]) -> tuple:
        """The output of the rest of the teacher's head for the features."""
        with ExitStack() as stack:
            for name, features in zip(TOWERS, (s_cls, s_reg), strict=True):
                if name in self.connectors:
                    features = [self.connectors[name](f) for f in features]
                tower = getattr(head, name)
                for layer in tower[:self.position - 1]:
                    stack.enter_context(_gives(layer, repeat(None)))
                stack.enter_context(
                    _gives(tower[self.position - 1], iter(features)))
            # The towers' first layers are skipped: only the number of
            # levels matters here.
            return head(tuple(s_cls))

    def _quality_focal(self, logits: Tensor, truth: Tensor) -> Tensor:
        error = F.binary_cross_entropy_with_logits(logits, truth,
                                                   reduction='none')
        return (logits.sigmoid() - truth).abs().pow(self.beta) * error

    @staticmethod
    def _distance(head: Head, crossed: list[Tensor],
                  teacher: list[Tensor]) -> Tensor:
        """(N, P): the distance of the boxes at each prior."""
        if hasattr(head, 'integral'):
            return _divergence(*(flatten_levels(p, 4 * (head.reg_max + 1))
                                 for p in (crossed, teacher)))
        sizes = [level.shape[-2:] for level in teacher]
        priors = torch.cat([
            getattr(p, 'tensor', p) for p in head.prior_generator.grid_priors(
                sizes, device=teacher[0].device)
        ])
        decoded = []
        for prediction in (crossed, teacher):
            flat = flatten_levels(prediction, 4)
            boxes = head.bbox_coder.decode(priors.repeat(len(flat), 1),
                                           flat.reshape(-1, 4))
            decoded.append(boxes.reshape(flat.shape))
        return 1 - generalized_iou(decoded[0], decoded[1].detach())


def _gives(layer: nn.Module, values: Iterator):
    return supplied(tap_method(layer, 'forward'), values)


def _channels(layer: nn.Module) -> int:
    """Output channels of a convolution, or of a module around one."""
    convs: list[Any] = [
        m for m in layer.modules() if hasattr(m, 'out_channels')
    ]
    return convs[-1].out_channels


def _divergence(crossed: Tensor, teacher: Tensor) -> Tensor:
    """KL divergence of distributions of four sides, (N, P, 4·bins)."""
    log_p, log_q = (v.unflatten(-1, (4, -1)).log_softmax(-1)
                    for v in (teacher.detach(), crossed))
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean(-1)
