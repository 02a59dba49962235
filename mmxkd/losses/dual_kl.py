"""KL divergence between features in both directions, balanced."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.options import check_positive, check_share
from .depth.uncertainty import any_valid, average_valid

SOFTMAX = ('spatial', 'channel')
BALANCE = ('equalise', 'akl', 'fixed')


@MODELS.register_module()
class DualKLLoss(MultiLevelLoss):
    r"""DualKL after MonoMMKD: forward and reverse KL of weighted features.

    .. math:: P = \operatorname{softmax}(U T / \tau), \quad
              Q = \operatorname{softmax}(U S / \tau)

    .. math:: L = \sum_l w_l \tau^2 \left[\lambda\, KL(P \| Q) +
              (1 - \lambda)\, KL(Q \| P)\right]

    with features T of the teacher and S of the student, a weight U for each
    position, and :math:`\lambda` without gradient.

    **No formula of this loss is public.** MonoMMKD's figure shows features
    of three levels, both multiplied by one discrepancy map, and a KL between
    the results; its abstract has "dynamic KL balancing" and "depth
    uncertainty weighting". The rest is **our reading**: the softmax and its
    axis, :math:`\tau`, each rule for :math:`\lambda`, and the sum over
    levels.

    * ``softmax='spatial'``: one distribution over positions for each image
      and channel, as in channel-wise distillation; KL is averaged over
      images and channels. Where U is 0 everywhere, both are uniform and L
      is 0 without gradient: with a depth uncertainty for U, the loss fades
      as the depth branch converges, and vanishes if that branch overfits.
    * ``softmax='channel'``: one distribution over channels for each
      position, without U; KL is averaged over positions with weights U.

    :math:`\lambda` of a level by ``balance``:

    * ``'equalise'``: :math:`KL(Q\|P) / (KL(P\|Q) + KL(Q\|P))`, so that both
      terms are equal, each :math:`KL(P\|Q)\,KL(Q\|P)` over the sum;
    * ``'akl'``: of each distribution, as in adaptive KL (Wu et al., arXiv
      2404.02657). The least probable entries that hold a mass of ``mu`` for
      the teacher are the tail, the others the head, and
      :math:`\lambda = g_{head} / (g_{head} + g_{tail})` with
      :math:`g = \sum |P - Q|` over the part;
    * ``'fixed'``: 1/2, the symmetric KL.

    Args:
        softmax (str): ``'spatial'`` or ``'channel'``.
        balance (str): ``'equalise'``, ``'akl'`` or ``'fixed'``.
        temperature (float): :math:`\tau`.
        mu (float): Mass of the tail in ``'akl'``, 0 to 1.
        level_weights (list[float], optional): :math:`w_l`; default 1.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    def __init__(self, softmax: str = 'spatial', balance: str = 'equalise',
                 temperature: float = 1.0, mu: float = 0.5,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        name = type(self).__name__
        check_known(f'{name}: softmax', softmax, SOFTMAX)
        check_known(f'{name}: balance', balance, BALANCE)
        check_positive(name, 'temperature', temperature)
        check_share(name, 'mu', mu)
        self.softmax, self.balance = softmax, balance
        self.temperature, self.mu = temperature, mu

    def levels(self, s_feature: Levels, t_feature: Levels,
               weight: Levels | None = None,
               mask: Levels | None = None) -> list[Tensor]:
        """The loss of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            weight (Tensor | list[Tensor], optional): U, not negative,
                (N, 1, H', W') or (N, H', W'): one map, or one per level. It
                is averaged to the size of each level, over the positions
                that the mask leaves. Gets no gradient. Default: 1.
            mask (Tensor | list[Tensor], optional): True where a position
                counts, with the weight's shape. The distributions leave
                out the others, whereas a weight of 0 gives logits of 0.

        Raises:
            ValueError: Levels, shapes or numbers of maps do not agree.
        """
        pairs = self.pairs(s_feature, t_feature)
        student = [s for s, _ in pairs]
        weights = self._maps('weight', weight, student)
        masks = self._maps('mask', mask, student)
        found = []
        for (s, t), w, m in zip(pairs, weights, masks, strict=True):
            size = s.shape[-2:]
            if m is not None:
                m = m.bool()
            if w is not None:
                w = average_valid(w.detach().to(s), m, size)
            if m is not None:
                m = any_valid(m, size)
            found.append(self._level(s, t, w, m))
        return found

    def _maps(self, name: str, value: Levels | None,
              levels: Sequence[Tensor]) -> list[Tensor] | list[None]:
        """One (N, 1, H', W') map per level."""
        if value is None:
            return [None] * len(levels)
        maps = ([value]
                * len(levels) if isinstance(value, Tensor) else list(value))
        if len(maps) != len(levels):
            raise ValueError(f'{type(self).__name__}: {len(maps)} maps of '
                             f'{name} for {len(levels)} levels')
        maps = [m[:, None] if m.dim() == 3 else m for m in maps]
        for i, (found, level) in enumerate(zip(maps, levels, strict=True)):
            if found.dim() != 4 or found.shape[1] != 1 or len(found) != len(
                    level):
                raise ValueError(
                    f'{type(self).__name__}: {name} of level {i} is '
                    f'{tuple(found.shape)}, expected ({len(level)}, 1, H, W)')
        return maps

    def _level(self, student: Tensor, teacher: Tensor, weight: Tensor | None,
               mask: Tensor | None) -> Tensor:
        """One level, with the maps at its size."""
        if self.softmax == 'spatial':
            log_q, log_p = (self._over_positions(f, weight, mask)
                            for f in (student, teacher))
            count = None
        else:
            log_q, log_p = (F.log_softmax(f.flatten(2) / self.temperature,
                                          1).transpose(1, 2)
                            for f in (student, teacher))
            count = weight
            if mask is not None:
                count = mask.to(student) if weight is None else weight * mask
        p, q = log_p.exp(), log_q.exp()
        log_ratio = log_p - log_q
        forward, reverse = (p * log_ratio).sum(-1), -(q * log_ratio).sum(-1)
        if self.balance == 'akl':
            share = head_share(p, q.detach(), self.mu)
            value = _mean(share * forward + (1 - share) * reverse, count)
        else:
            forward, reverse = _mean(forward, count), _mean(reverse, count)
            share = (torch.full_like(forward.detach(), 0.5) if self.balance
                     == 'fixed' else equal_share(forward, reverse))
            value = share * forward + (1 - share) * reverse
        return value * self.temperature**2

    def _over_positions(self, feature: Tensor, weight: Tensor | None,
                        mask: Tensor | None) -> Tensor:
        """(N, C, H·W): log-probabilities of the positions."""
        logits = feature if weight is None else feature * weight
        logits = logits.flatten(2) / self.temperature
        if mask is not None:
            # Not -inf, whose differences are NaN, but as good as.
            logits = logits.masked_fill(~mask.flatten(2),
                                        torch.finfo(logits.dtype).min / 2)
        return F.log_softmax(logits, -1)


def _mean(rows: Tensor, weight: Tensor | None) -> Tensor:
    """Weighted mean of (N, rows); 0 where all weights are 0."""
    if weight is None:
        return rows.mean()
    total = weight.sum()
    return (rows * weight.flatten(1)).sum() / torch.where(
        total > 0, total, torch.ones_like(total))


def equal_share(forward: Tensor, reverse: Tensor) -> Tensor:
    """Share of the forward KL that makes both terms equal; no gradient."""
    # Rounding gives a KL of 0 either sign.
    forward, reverse = (kl.detach().clamp(min=0) for kl in (forward, reverse))
    return reverse / (forward
                      + reverse).clamp(min=torch.finfo(forward.dtype).tiny)


@torch.no_grad()
def head_share(p: Tensor, q: Tensor, mu: float) -> Tensor:
    """Share of the head of P in the difference of P and Q; no gradient.

    Args:
        p, q (Tensor): (…, K) probabilities of teacher and student.
        mu (float): Mass of the tail.

    Returns:
        Tensor: (…) in [0, 1]; 1/2 where P equals Q.
    """
    # Stable: chance must not decide which of equal entries are the tail.
    ordered, index = p.sort(dim=-1, stable=True)
    gap = (p - q).abs().gather(-1, index)
    whole = gap.sum(-1)
    head = (gap * (ordered.cumsum(-1) > mu)).sum(-1)
    return torch.where(whole > 0,
                       head / whole.clamp(min=torch.finfo(p.dtype).tiny),
                       torch.full_like(whole, 0.5))
