"""Focal and global distillation."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmxkd.registry import MODELS

from .base import Levels
from .common.boxes import boxes_of
from .common.options import check_positive
from .level_networks import LevelNetworksLoss

_PARTS = ('foreground', 'background', 'attention', 'global')


@MODELS.register_module()
class FGDLoss(LevelNetworksLoss):
    r"""Focal and global distillation (Yang et al., CVPR 2022).

    For each level, with :math:`T` the teacher's feature, :math:`S` the
    student's in the same shape, and the mean over images of each sum:

    .. math:: L = \alpha \sum_{c,h,w} F A^s A^c (T - S)^2
              + \beta \sum_{c,h,w} B A^s A^c (T - S)^2
              + \gamma \bigl(\lVert A^s - A^s_S \rVert_1
              + \lVert A^c - A^c_S \rVert_1\bigr)
              + \lambda \sum_{c,h,w} (R_T(T) - R_S(S))^2

    * Attention: :math:`A^s = HW \operatorname{softmax}_
      {h,w}(\frac{1}{C}\sum_c |T| / \tau)` and :math:`A^c = C
      \operatorname{softmax}_c(\frac{1}{HW}\sum_{h,w} |T| / \tau)`. The
      teacher's weighs the errors, and the student's :math:`A_S` learns to
      equal it.
    * Foreground :math:`F`: see :func:`box_weights`.
      Background :math:`B`: 1 / (number of background cells) in each of them.
    * Global relation :math:`R`: see :class:`GlobalContext`, one for the
      student and one for the teacher in each level. They are parameters of
      the loss and train with the student.

    ==================  =======  =======  =======  ========
    published for       α        β        γ        λ
    ==================  =======  =======  =======  ========
    anchor-based        1e-3     5e-4     1e-3     5e-6
    one-stage
    anchor-free         1.6e-3   8e-4     8e-4     8e-6
    two-stage           5e-5     2.5e-5   5e-5     5e-7
    ==================  =======  =======  =======  ========

    (From memory of the paper, as is :math:`\tau = 0.5`.) Its equations are
    sums; these weights go with a mean over images. Our reading: boxes are
    scaled by the size of the padded input, which the maps span.

    Args:
        channels (int | list[int], optional): Channels of the teacher's
            levels, for instance ``[256] * 5``; a number means a single
            level. Default: those that the dry run finds.
        alpha_fgd, beta_fgd, gamma_fgd, lambda_fgd (float): Weights of
            foreground, background, attention and global relation.
        temperature (float): :math:`\tau`.
        level_weights (list[float], optional): One weight per level.
        level_reduction (str): ``'sum'`` (the paper's) or ``'mean'`` over
            levels.

    Raises:
        ValueError: ``temperature`` is not positive.
    """

    def __init__(self, channels: int | Sequence[int] | None = None,
                 alpha_fgd: float = 1e-3, beta_fgd: float = 5e-4,
                 gamma_fgd: float = 1e-3, lambda_fgd: float = 5e-6,
                 temperature: float = 0.5,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        check_positive('FGDLoss', 'temperature', temperature)
        self.weights = (alpha_fgd, beta_fgd, gamma_fgd, lambda_fgd)
        self.temperature = temperature
        self._parts: Tensor | None = None
        self.set_channels(channels)

    def build_networks(self, channels: Sequence[int]) -> None:
        """Two global contexts per level."""
        self.student_context = nn.ModuleList(
            GlobalContext(width) for width in channels)
        self.teacher_context = nn.ModuleList(
            GlobalContext(width) for width in channels)

    def levels(self, s_feature: Levels, t_feature: Levels,
               batch_data_samples: Sequence[Any],
               batch_img_metas: Sequence[dict]) -> list[Tensor]:
        """The four parts of each level, weighted and summed.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student, in the
                teacher's shape, and teacher, (N, C, H, W) each.
            batch_data_samples (list): With ``gt_instances.bboxes``, pixels
                of the input; an image without boxes is all background.
            batch_img_metas (list[dict]): With ``batch_input_shape``.

        Raises:
            ValueError: The shapes differ, the levels or channels are not
                those of ``channels``, or the data samples differ in number
                from the images.
        """
        pairs = self.pairs(s_feature, t_feature)
        student = [s for s, _ in pairs]
        self.check_channels(student)
        boxes = boxes_of(batch_data_samples)
        if len(boxes) != len(student[0]):
            raise ValueError(f'FGDLoss: features of {len(student[0])} images, '
                             f'data samples of {len(boxes)}')
        input_shape = batch_img_metas[0]['batch_input_shape']
        levels = torch.stack([
            self._level(s, t, box_weights(boxes, input_shape, t), *contexts)
            for (s, t), *contexts in zip(pairs, self.student_context,
                                         self.teacher_context, strict=True)
        ])
        self._parts = levels.detach().sum(0)
        return list(levels.sum(1))

    def _level(self, student: Tensor, teacher: Tensor, foreground: Tensor,
               student_context: nn.Module,
               teacher_context: nn.Module) -> Tensor:
        """(4, ) the weighted parts of one level."""
        spatial, channel = attention(teacher, self.temperature)
        own_spatial, own_channel = attention(student, self.temperature)
        difference = student - teacher
        # Over channels at once for both masks.
        error = spatial * torch.einsum('nc,nchw->nhw', channel,
                                       difference.square())
        background = (foreground == 0).to(error.dtype)
        background = background / background.sum(
            (1, 2), keepdim=True).clamp(min=1)
        context = student_context(student) - teacher_context(teacher)
        parts = torch.stack([
            (error * foreground).sum(),
            (error * background).sum(),
            (own_spatial - spatial).abs().sum() +
            (own_channel - channel).abs().sum(),
            (difference + context[:, :, None, None]).square().sum(),
        ])
        return parts * parts.new_tensor(self.weights) / len(student)

    def metrics(self) -> dict[str, Tensor]:
        """The weighted parts, summed over levels."""
        return {} if self._parts is None else dict(
            zip(_PARTS, self._parts, strict=True))


class GlobalContext(nn.Module):
    r"""What global context adds to each position (GcBlock, Cao et al. 2019).

    .. math:: R(F) = F + W_2 \operatorname{ReLU}(\operatorname{LN}(W_1
              \sum_{j} \operatorname{softmax}_j(W_k F_j) F_j))

    over positions :math:`j`, with half of the channels after :math:`W_1`
    (section 3.2 of FGD; the ratio is from memory). :math:`W_2` starts at 0,
    so that :math:`R` starts as the identity; :math:`W_k` starts with normal
    numbers of variance 2 / C, the rest with torch's defaults.

    Args:
        channels (int): C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 2, 1)
        self.position = nn.Conv2d(channels, 1, 1)
        first, last = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        self.add = nn.Sequential(first, nn.LayerNorm(hidden), nn.ReLU(), last)
        for parameter in (*self.position.parameters(), *last.parameters()):
            nn.init.zeros_(parameter)
        nn.init.kaiming_normal_(self.position.weight)

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C): :math:`R(F) - F`, equal at all positions of (N, C, H, W)."""
        share = self.position(feature).flatten(1).softmax(1)
        return self.add(torch.einsum('np,ncp->nc', share, feature.flatten(2)))


def attention(feature: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Where, and in which channels, a feature is large.

    Args:
        feature (Tensor): (N, C, H, W).
        temperature (float): Of both softmaxes.

    Returns:
        tuple[Tensor, Tensor]: (N, H, W) over positions and (N, C) over
        channels; the mean of each is 1.
    """
    size = feature.abs()
    spatial, channel = size.mean(1), size.mean((2, 3))
    positions = spatial[0].numel()
    share = (spatial.flatten(1) / temperature).softmax(1)
    return (positions * share.reshape(spatial.shape), channel.shape[1] *
            (channel / temperature).softmax(1))


def box_weights(boxes: Sequence[Tensor], input_shape: Sequence[int],
                feature: Tensor) -> Tensor:
    """1 / (area of the smallest box) in each cell of a box, else 0.

    A box covers the cells ⌊x1⌋ … ⌈x2⌉, both included, and likewise in y,
    with its corners in cells of the map. Its area is the number of these
    cells, with those outside the map. So a box without size still has one.
    The published code rounds like this, from memory; the paper leaves it
    open. The memory is G·H·W numbers for one image at a time.

    Args:
        boxes (list[Tensor]): (G, 4) x1, y1, x2, y2 of each image, in pixels
            of the input; G may be 0.
        input_shape (Sequence[int]): Height and width of the padded input.
        feature (Tensor): (N, C, H, W), for size, device and dtype.

    Returns:
        Tensor: (N, H, W).
    """
    height, width = feature.shape[2:]
    scale = feature.new_tensor(
        [width / input_shape[1], height / input_shape[0]] * 2)
    column = torch.arange(width, device=feature.device)
    row = torch.arange(height, device=feature.device)
    weights = feature.new_zeros(len(boxes), height, width)
    for image, own in enumerate(boxes):
        if not len(own):
            continue
        x1, y1, x2, y2 = (own.to(feature) * scale)[:, :, None].unbind(1)
        x1, y1, x2, y2 = x1.floor(), y1.floor(), x2.ceil(), y2.ceil()
        columns = (column >= x1) & (column <= x2)
        rows = (row >= y1) & (row <= y2)
        weight = rows / ((x2 - x1 + 1) * (y2 - y1 + 1)).clamp(min=1)
        weights[image] = (weight[:, :, None] * columns[:, None]).amax(0)
    return weights
