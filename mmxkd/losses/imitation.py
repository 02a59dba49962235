"""Imitation of the teacher's features near objects."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.boxes import boxes_of
from .common.options import check_positive
from .imitation_mask import check_mask_options, imitation_mask, square_priors

Size = tuple[int, int]


@MODELS.register_module()
class FineGrainedImitationLoss(MultiLevelLoss):
    r"""Fine-grained feature imitation (Wang et al., CVPR 2019).

    .. math:: L = \sum_l w_l \frac{1}{2 N_l} \sum_{n,c,h,w} I_{lnhw}
              (S_{lnchw} - T_{lnchw})^2

    :math:`I` is the mask of :func:`.imitation_mask.imitation_mask`, and
    :math:`N_l` the number of its ones. The sum over channels is not divided
    by their number: values of some hundred are usual. The published weights
    are 0.01 (Faster R-CNN), and 1 and 0.5 for two sizes of a one-stage
    detector; the authors advise a weight that gives the loss the magnitude
    of the detector's own. To help with that, the log has the number of ones
    beside the raw loss.

    The paper has one feature map. Our reading for several: :math:`N_l` is by
    default one number for all levels, and the best anchor of a box may lie
    in a level that is not distilled. :math:`N_l` counts the images of one
    process, as in the authors' code.

    :math:`S` comes out of the paper's adapter, a 3×3 convolution and ReLU,
    which is a connector (``connector=dict(type='ConvConnector', …)``), also
    where the channels are equal. A warm-up is a schedule of ``loss_weight``.

    Without any object the loss is exactly 0, with a gradient of 0.

    Args:
        psi (float): The student imitates a cell where an anchor's IoU is
            above this share of the best anchor's IoU, 0 to 1.
        mode (str): ``'global'``, ``'per_level'`` or ``'assigned'``; see
            :func:`.imitation_mask.imitation_mask`.
        plus_one (bool): IoU with inclusive pixels.
        square_scale (float, optional): For detectors without anchors: in
            their place, a square around the centre of each cell, with sides
            of this many strides. Our extension; 8 is the size of the one
            anchor that ATSS and GFL have there. Default: anchors.
        normalize (str): ``'all'``: :math:`N_l` is the number of ones of all
            levels; ``'level'``: of level :math:`l`.
        level_weights (list[float], optional): :math:`w_l`; default 1.
        level_reduction (str): ``'sum'``, or ``'mean'`` over levels.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    def __init__(self, psi: float = 0.5, mode: str = 'global',
                 plus_one: bool = False, square_scale: float | None = None,
                 normalize: str = 'all',
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        check_mask_options(psi, mode)
        name = type(self).__name__
        check_known(f'{name}: normalize', normalize, ('all', 'level'))
        if square_scale is not None:
            check_positive(name, 'square_scale', square_scale)
        self.psi = psi
        self.mode = mode
        self.plus_one = plus_one
        self.square_scale = square_scale
        self.normalize = normalize
        self._seen = torch.zeros(0)

    def levels(self, s_feature: Levels, t_feature: Levels,
               batch_data_samples: Sequence[Any],
               anchors: Sequence[Tensor] | None = None,
               grid_sizes: Sequence[Size] | None = None,
               batch_img_metas: Sequence[dict] | None = None) -> list[Tensor]:
        """The loss of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            batch_data_samples (list): The N data samples, with boxes in
                pixels of the input.
            anchors (list[Tensor], optional): (H·W·A, 4) of each level of the
                student's head, in the same pixels. Needed, unless
                ``square_scale`` is given.
            grid_sizes (list[tuple[int, int]], optional): H, W of each level
                of the anchors. The features may be some of these levels;
                their sizes tell which. Default: the sizes of the features.
            batch_img_metas (list[dict], optional): ``batch_input_shape`` of
                the images; needed for ``square_scale``.

        Raises:
            ValueError: Shapes, levels or numbers of images do not fit, or an
                argument is missing.
        """
        pairs = self.pairs(s_feature, t_feature)
        first = pairs[0][0]
        boxes = boxes_of(batch_data_samples)
        if len(boxes) != len(first):
            raise ValueError(f'FineGrainedImitationLoss: {len(boxes)} data '
                             f'samples for {len(first)} images')
        sizes: list[Size] = [(s.shape[2], s.shape[3]) for s, _ in pairs]
        if self.square_scale is not None:
            anchors, grids = _squares(self.square_scale, sizes, first,
                                      batch_img_metas), sizes
        elif anchors is None:
            raise ValueError(
                'FineGrainedImitationLoss: the student has no anchors. '
                'square_scale=8 puts a square of 8 strides around each cell '
                'instead')
        else:
            grids = sizes if grid_sizes is None else [(h, w)
                                                      for h, w in grid_sizes]
        masks = imitation_mask(anchors, boxes, grids, self.psi, self.mode,
                               self.plus_one)
        masks = [masks[i] for i in match_levels(sizes, grids)]
        seen = torch.stack([mask.sum() for mask in masks]).to(first)
        self._seen = seen
        count = seen.sum().expand_as(seen) if self.normalize == 'all' else seen
        return [
            _squared(s, t, mask) / (2 * n.clamp(min=1))
            for (s, t), mask, n in zip(pairs, masks, count, strict=True)
        ]

    def metrics(self) -> dict[str, Tensor]:
        """Ones of the last mask: of all levels, and of each level."""
        named = {f'positions_{i}': n for i, n in enumerate(self._seen)}
        return {'positions': self._seen.sum()
                } | (named if len(named) > 1 else {})


def _squares(scale: float, sizes: Sequence[Size], like: Tensor,
             batch_img_metas: Sequence[dict] | None) -> list[Tensor]:
    if batch_img_metas is None:
        raise ValueError(f'FineGrainedImitationLoss(square_scale={scale}) '
                         'needs batch_img_metas')
    shape = batch_img_metas[0]['batch_input_shape']
    return [square_priors(size, shape, scale, like) for size in sizes]


def match_levels(sizes: Sequence[Size], grids: Sequence[Size]) -> list[int]:
    """Find the level of anchors of each feature map, by its size.

    Args:
        sizes (list[tuple[int, int]]): H, W of each feature map.
        grids (list[tuple[int, int]]): H, W of each level of the anchors, in
            the same order; there may be more of them.

    Returns:
        list[int]: For each feature map the index of its level.

    Raises:
        ValueError: No level has the size of a map, or several levels fit.

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
    values outside do not count, even infinite ones.
    """
    image, _, row, column = mask.nonzero(as_tuple=True)
    return (student[image, :, row, column]
            - teacher[image, :, row, column]).square().sum()
