"""Distillation of what two monocular heads predict."""
from collections.abc import Mapping

import torch
from torch import Tensor

from mmxkd.losses.common.precision import in_full_precision
from mmxkd.losses.heads.base import (
    Head,
    HeadLoss,
    require_attributes,
    require_equal,
)
from mmxkd.registry import MODELS

from .geometry import HEADING_BINS
from .laplacian import mean_or_zero

_DENSE = ('offset_2d', 'size_2d')
_ROWS = ('offset_3d', 'size_3d')
_DEPTHS = ('vis_depth', 'att_depth', 'ins_depth')


@MODELS.register_module()
class MonoHeadLoss(HeadLoss):
    """The head distillation of MonoSKD and MonoDistill, for ``did`` heads.

    The sum of: L1 of the dense 2-D offsets and sizes, where the Gaussian of
    an object reaches; L1 of 3-D offsets, sizes and the three depths of the
    regions; for the heading, KL(teacher || student) of the 12 bins, averaged
    over bins too, and L1 of the residual of the true bin. The heatmap is not
    distilled. Both heads see the same objects, each at the boxes that it
    predicts itself, so cells of regions do not lie on each other: so do the
    originals.

    The config names the two heads, and runs the teacher as in training::

        teachers=dict(depth=dict(cfg=…, checkpoint=…, mode='loss'))
        loss_head=dict(type='mmxkd.MonoHeadLoss', student='bbox_head',
                       teacher='depth:bbox_head')

    Raises:
        ValueError: The heads are not :class:`.MonoRoIHead` with ``did``
            depth, or the teacher was not run on the same objects.

    Source: Hong et al., MonoSKD; Chong et al., MonoDistill (ICLR 2022).
    """

    fixed = ('heatmap', 'heading_bin')

    def check(self, student: Head, teacher: Head) -> None:
        """See :meth:`.HeadLoss.check`."""
        for head, side in ((student, 'student'), (teacher, 'teacher')):
            require_attributes(head, ('roi_branch', 'get_targets'), side)
            require_attributes(head.roi_branch.depth, _DEPTHS[:2], side)
        require_equal(student.num_classes, teacher.num_classes,
                      'the number of classes')
        require_equal(student.stride, teacher.stride, 'stride')

    def reads(self, student: str, teacher: str) -> dict[str, str]:
        """See :meth:`.HeadLoss.reads`."""
        return dict(s_dense=f'student:{student}', t_dense=f'teacher:{teacher}',
                    s_rows=f'student:{student}.roi_branch',
                    t_rows=f'teacher:{teacher}.roi_branch',
                    heatmap=f'student:{student}.get_targets().heatmap',
                    heading_bin=f'student:{student}.get_targets().heading_bin')

    @in_full_precision
    def forward(self, s_dense: Mapping[str, Tensor],
                t_dense: Mapping[str, Tensor], s_rows: Mapping[str, Tensor],
                t_rows: Mapping[str, Tensor], heatmap: Tensor,
                heading_bin: Tensor) -> Tensor:
        """The sum of the terms, which are logged too.

        Args:
            s_dense, t_dense (dict): Of :meth:`.MonoRoIHead.forward`.
            s_rows, t_rows (dict): Of :meth:`.MonoRoIBranch.forward`.
            heatmap (Tensor): (B, K, H, W), the target.
            heading_bin (Tensor): (N, ) of alpha.
        """
        if len(s_rows['heading']) != len(t_rows['heading']):
            raise ValueError(
                f'MonoHeadLoss: {len(s_rows["heading"])} objects in the '
                f'student, {len(t_rows["heading"])} in the teacher: run the '
                "teacher with mode='loss', on the same ground truth")
        mask = (heatmap > 0).any(1)
        terms = {
            key: mean_or_zero(
                gap(s_dense[key], t_dense[key]).movedim(1, -1)[mask])
            for key in _DENSE
        }
        for key in _ROWS:
            terms[key] = mean_or_zero(gap(s_rows[key], t_rows[key]))
        terms['depth'] = torch.stack([
            mean_or_zero(gap(s_rows[key], t_rows[key])) for key in _DEPTHS
        ]).sum()
        terms['heading'] = _heading(s_rows['heading'],
                                    t_rows['heading'].detach(), heading_bin)
        self._note(**terms)
        return torch.stack(list(terms.values())).sum()


def gap(student: Tensor, teacher: Tensor) -> Tensor:
    """Absolute differences, without gradient to the teacher."""
    return (student - teacher.detach()).abs()


def _heading(student: Tensor, teacher: Tensor, bins: Tensor) -> Tensor:
    own, other = (x[:, :HEADING_BINS].log_softmax(1)
                  for x in (student, teacher))
    residual = gap(student[:, HEADING_BINS:], teacher[:, HEADING_BINS:])
    return (mean_or_zero(other.exp() * (other - own))
            + mean_or_zero(residual.gather(1, bins[:, None])))
