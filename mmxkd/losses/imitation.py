"""Imitation of the teacher's features near objects."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss, as_levels, check_pairs
from .boxes import boxes_of
from .imitation_mask import check_mask_options, imitation_mask

Size = tuple[int, int]


@MODELS.register_module()
class FineGrainedImitationLoss(MultiLevelLoss):
    r"""Fine-grained feature imitation (Wang et al., CVPR 2019).

    .. math:: L = \sum_l w_l \frac{1}{2 N_l} \sum_{n,c,h,w} I_{lnhw}
              (S_{lnchw} - T_{lnchw})^2

    :math:`I` is the mask of :func:`.imitation_mask.imitation_mask`, and
    :math:`N_l` the number of its ones. The sum runs over channels, and is not
    divided by their number: values of some hundred are usual. The published
    weights are 0.01 (Faster R-CNN), and 1 and 0.5 for two sizes of a
    one-stage detector; the authors advise to bring the loss to the magnitude
    of the detector's own. For that, the number of ones is logged beside the
    raw loss.

    The paper has one feature map. What holds for several is our reading:
    :math:`N_l` is by default one number for all levels, and the best anchor
    of a box is sought among the detector's levels that are not distilled too.
    :math:`N_l` counts the images of one process, as in the authors' code.

    :math:`S` comes out of the paper's adapter, a 3×3 convolution and ReLU,
    which is a connector (``connector=dict(type='ConvConnector', …)``), also
    where the channels agree. A warm-up is a schedule of ``loss_weight``.

    Without any object the loss is exactly 0, with a gradient of 0.

    Args:
        psi (float): A cell is imitated where an anchor's IoU is above this
            part of the best one's, 0 to 1.
        mode (str): ``'global'``, ``'per_level'`` or ``'assigned'``; see
            :func:`.imitation_mask.imitation_mask`.
        plus_one (bool): IoU by inclusive pixels.
        point_scale (float): Anchor-free detectors have a point in the place
            of anchors. It stands for a square with this many strides a side,
            around the point. An extension of ours; the default of 8 is the
            size of the one anchor that ATSS and GFL have there.
        normalize (str): ``'all'``: :math:`N_l` is the number of ones of all
            levels; ``'level'``: of level :math:`l`.
        level_weights (list[float], optional): :math:`w_l`; default 1.
        level_reduction (str): ``'sum'``, or ``'mean'`` over levels.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    def __init__(self,
                 psi: float = 0.5,
                 mode: str = 'global',
                 plus_one: bool = False,
                 point_scale: float = 8.0,
                 normalize: str = 'all',
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        check_mask_options(psi, mode)
        if normalize not in ('all', 'level'):
            raise ValueError('FineGrainedImitationLoss: normalize='
                             f"{normalize!r}, expected 'all' or 'level'")
        if point_scale <= 0:
            raise ValueError('FineGrainedImitationLoss: point_scale='
                             f'{point_scale}, expected more than 0')
        self.psi = psi
        self.mode = mode
        self.plus_one = plus_one
        self.point_scale = point_scale
        self.normalize = normalize
        self._seen = torch.zeros(0)

    def levels(self, s_feature: Levels, t_feature: Levels,
               batch_data_samples: Sequence[Any],
               anchors: Sequence[Tensor],
               grid_sizes: Sequence[Size] | None = None,
               strides: Sequence[tuple[float, float]] | None = None
               ) -> list[Tensor]:
        """The part of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            batch_data_samples (list): The N data samples, with boxes in
                pixels of the input.
            anchors (list[Tensor]): Of each level of the student's head:
                (H·W·A, 4) boxes, or (H·W, 2) points, in the same pixels.
            grid_sizes (list[tuple[int, int]], optional): H, W of each level
                of the anchors. Features may be a part of these levels, and
                are found by their size. Default: the sizes of the features.
            strides (list[tuple[float, float]], optional): Stride x, y of each
                level of the anchors; needed for points.

        Raises:
            ValueError: Shapes, levels or numbers of images that do not fit.
        """
        student, teacher = as_levels(s_feature), as_levels(t_feature)
        check_pairs(type(self).__name__, student, teacher)
        boxes = boxes_of(batch_data_samples)
        if len(boxes) != len(student[0]):
            raise ValueError(f'FineGrainedImitationLoss: {len(boxes)} data '
                             f'samples for {len(student[0])} images')
        sizes: list[Size] = [(s.shape[2], s.shape[3]) for s in student]
        grids = sizes if grid_sizes is None else [
            (h, w) for h, w in grid_sizes]
        masks = imitation_mask(self._boxes_of_priors(anchors, strides), boxes,
                               grids, self.psi, self.mode, self.plus_one)
        masks = [masks[i] for i in match_levels(sizes, grids)]
        seen = torch.stack([mask.sum() for mask in masks]).to(student[0])
        self._seen = seen
        count = seen.sum().expand_as(seen) if self.normalize == 'all' else seen
        return [
            _squared(s, t.detach(), mask) / (2 * n.clamp(min=1))
            for s, t, mask, n in zip(student, teacher, masks, count,
                                     strict=True)
        ]

    def metrics(self) -> dict[str, Tensor]:
        """Ones of the mask in the last call: of all levels, and of each."""
        named = {f'positions_{i}': n for i, n in enumerate(self._seen)}
        return {'positions': self._seen.sum()} | (
            named if len(named) > 1 else {})

    def _boxes_of_priors(self, priors: Sequence[Tensor],
                         strides: Sequence[tuple[float, float]] | None
                         ) -> list[Tensor]:
        if all(prior.shape[-1] != 2 for prior in priors):
            return list(priors)
        if strides is None or len(strides) != len(priors):
            raise ValueError(
                'FineGrainedImitationLoss: the anchors are points, which '
                'need one stride for each of their '
                f'{len(priors)} levels, got strides={strides}')
        found = []
        for points, stride in zip(priors, strides, strict=True):
            half = points.new_tensor(stride) * self.point_scale / 2
            found.append(torch.cat([points - half, points + half], 1))
        return found


def match_levels(sizes: Sequence[Size], grids: Sequence[Size]) -> list[int]:
    """Find the levels of the anchors that features belong to, by size.

    Args:
        sizes (list[tuple[int, int]]): H, W of each feature map.
        grids (list[tuple[int, int]]): H, W of each level of the anchors, in
            the same order; maybe more of them.

    Returns:
        list[int]: For each feature map the index of its level.

    Raises:
        ValueError: A map has the size of no level, or several levels of one
            size leave a choice.

    Examples:
        >>> match_levels([(4, 6), (1, 2)], [(8, 12), (4, 6), (2, 3), (1, 2)])
        [1, 3]
    """
    forward = _first_fit(sizes, grids)
    last = len(grids) - 1
    backward = [last - i for i in _first_fit(sizes[::-1], grids[::-1])][::-1]
    if len(forward) < len(sizes):
        raise ValueError(
            'FineGrainedImitationLoss: feature level '
            f'{len(forward)} of sizes {list(sizes)} (H, W) has no level of '
            f'anchors; those have the sizes {list(grids)}, in this order. '
            'Choose features at which the detector has anchors, e.g. by a '
            'range such as [1:]')
    if forward != backward:
        raise ValueError(
            f'FineGrainedImitationLoss: features of sizes {list(sizes)} fit '
            f'several levels of anchors, which have the sizes {list(grids)}; '
            'distil all levels, or train on larger images')
    return forward


def _first_fit(sizes: Sequence[Size], grids: Sequence[Size]) -> list[int]:
    found: list[int] = []
    for size in sizes:
        first = found[-1] + 1 if found else 0
        fits = [i for i in range(first, len(grids)) if grids[i] == size]
        if not fits:
            break
        found.append(fits[0])
    return found


def _squared(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Sum of squared differences at the ones of a (N, 1, H, W) mask.

    Few cells are ones: picking them costs less than masking whole maps, and
    no value outside counts, be it infinite.
    """
    image, _, row, column = mask.nonzero(as_tuple=True)
    return (student[image, :, row, column]
            - teacher[image, :, row, column]).square().sum()
