"""Attention of several teachers, aligned with the student's."""
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss, as_levels
from .common.attention import attention_map, check_power
from .common.options import check_positive

FUSIONS = ('joint', 'summed')
MODES = ('kl', 'as_published')


@MODELS.register_module()
class MultiTeacherAlignmentLoss(MultiLevelLoss):
    r"""MTA loss of MM-DistillNet (Valverde et al., CVPR 2021).

    With :math:`a(\cdot)` the attention of :func:`.attention.attention_map`,
    :math:`t_1 \dots t_M` the teachers, :math:`\tau` the temperature and
    softmax over the positions of a level:

    .. math:: P_s = \operatorname{softmax}(a(s) / \tau), \qquad
              P_t = \operatorname{softmax}(q / \tau)
    .. math:: \ell_{kl} = \frac{1}{N} \sum_n \sum_i
              P_t (\ln P_t - \ln P_s), \qquad
              \ell_{published} = \frac{1}{N} \sum_n \sum_i
              P_t (\ln P_t - P_s)

    ``fusion='joint'`` is the paper's: one target
    :math:`q = \bigodot_m a(t_m) / \lVert \bigodot_m a(t_m) \rVert_1`, high
    where all teachers look. The published recipe trains with ``'summed'``:
    :math:`q = a(t_m)`, and the sum of one divergence per teacher, so that the
    loss grows with :math:`M`. With one teacher both take :math:`q = a(t_1)`,
    as the published code does.

    Neither form has a factor :math:`\tau^2`. The total is the sum over
    levels, as published; the paper's weight of it is 0.005.

    ``mode='as_published'`` keeps an error of the released code, which passes
    :math:`P_s` in place of its logarithm. Its value is nearly
    :math:`-\ln HW - 1 / HW` whatever the student does, and its gradient about
    :math:`HW` times too small. ``'kl'`` is 0 exactly where :math:`a(s) = q`:
    for a joint target of several teachers that is not where the student
    equals them, since :math:`q` has unit sum and :math:`a(s)` unit length.

    Args:
        fusion (str): ``'joint'`` or ``'summed'``.
        mode (str): ``'kl'`` or ``'as_published'``.
        temperature (float): :math:`\tau`.
        p (int): Power of the attention.
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    # Attention needs equal sizes, but not equal channels.
    same_shape = False

    def __init__(self, fusion: str = 'joint', mode: str = 'kl',
                 temperature: float = 9.0, p: int = 2,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        name = type(self).__name__
        check_known(f'{name}: fusion', fusion, FUSIONS)
        check_known(f'{name}: mode', mode, MODES)
        check_positive(name, 'temperature', temperature)
        check_power(name, p)
        self.fusion = fusion
        self.mode = mode
        self.temperature = temperature
        self.p = p

    def levels(self, s_feature: Levels,
               t_feature: Levels | Sequence[Levels]) -> list[Tensor]:
        """Divergence of each level.

        Several teachers are a list with one entry per teacher: a list of
        lists of levels where the student has a list of levels, a list of
        tensors where the student has a tensor.

        Args:
            s_feature (Tensor | list[Tensor]): (N, C, H, W) each.
            t_feature (Tensor | list[Tensor] | list[list[Tensor]]): The
                same of one teacher, or a list of that. Channels may differ
                from the student's; N, H and W may not.

        Raises:
            ValueError: The levels differ in number or size.
        """
        student = as_levels(s_feature)
        teachers = teachers_of(s_feature, t_feature)
        self._check(student, teachers)
        return [
            self._level(s, [attention_map(t.detach(), self.p) for t in each])
            for s, *each in zip(student, *teachers, strict=True)
        ]

    def _level(self, student: Tensor, targets: list[Tensor]) -> Tensor:
        # Divergences of 1e-5 lie between logarithms of some 10: the maps are
        # small enough to take the difference in double precision.
        attention = attention_map(student, self.p).double()
        if self.fusion == 'joint' and len(targets) > 1:
            targets = [joint_attention(targets)]
        total = sum((self._divergence(attention, q.double()) for q in targets),
                    start=attention.new_zeros(()))
        return total.to(student.dtype)

    def _divergence(self, student: Tensor, target: Tensor) -> Tensor:
        log_s = F.log_softmax(student / self.temperature, dim=1)
        log_t = F.log_softmax(target / self.temperature, dim=1)
        compared = log_s if self.mode == 'kl' else log_s.exp()
        return (log_t.exp() * (log_t - compared)).sum(1).mean()

    def _check(self, student: list[Tensor],
               teachers: list[list[Tensor]]) -> None:
        name = type(self).__name__
        if not teachers:
            raise ValueError(f'{name}: there is no teacher')
        for m, levels in enumerate(teachers):
            if len(levels) != len(student):
                raise ValueError(f'{name}: the student has {len(student)} '
                                 f'levels, teacher {m} has {len(levels)}')
            for i, (s, t) in enumerate(zip(student, levels, strict=True)):
                _check_sizes(name, i, m, s, t)


def _check_sizes(name: str, level: int, teacher: int, s: Tensor,
                 t: Tensor) -> None:
    if s.dim() != 4 or t.dim() != 4 or len(s) != len(t):
        raise ValueError(f'{name}: level {level} is {tuple(s.shape)} in the '
                         f'student, {tuple(t.shape)} in teacher {teacher}; '
                         'expected (N, C, H, W) with equal N')
    if s.shape[2:] != t.shape[2:]:
        raise ValueError(
            f'{name}: level {level} is {s.shape[2]}×{s.shape[3]} in the '
            f'student, {t.shape[2]}×{t.shape[3]} in teacher {teacher}; take '
            "levels of equal stride, or resize the student's by connector="
            f"dict(type='AlignConnector', in_channels={s.shape[1]}, "
            f'out_channels={s.shape[1]})')


def teachers_of(s_feature: Levels,
                t_feature: Levels | Sequence[Levels]) -> list[list[Tensor]]:
    """The levels of each teacher, from any form of ``t_feature``.

    Examples:
        >>> import torch
        >>> x = torch.zeros(1, 1, 2, 2)
        >>> [len(levels) for levels in teachers_of(x, x)]
        [1]
        >>> [len(levels) for levels in teachers_of(x, [x, x, x])]
        [1, 1, 1]
        >>> [len(levels) for levels in teachers_of([x, x, x], [x, x, x])]
        [3]
        >>> [len(levels) for levels in teachers_of([x, x], [[x, x]] * 3)]
        [2, 2, 2]

    Raises:
        ValueError: Something is not a feature map.
    """
    if isinstance(t_feature, Tensor):
        return [[t_feature]]
    tensors = [t for t in t_feature if isinstance(t, Tensor)]
    one = isinstance(s_feature, Tensor)
    if not one and len(tensors) == len(t_feature):
        return [as_levels(tensors)]
    return [as_levels(levels) for levels in t_feature]


def joint_attention(maps: Sequence[Tensor]) -> Tensor:
    """Product of attention maps, each row divided by its absolute sum.

    Args:
        maps (list[Tensor]): (N, H·W) each.

    Returns:
        Tensor: (N, H·W), float64; 0 for images in which the teachers have no
        position in common.
    """
    joint = maps[0].double()
    for other in maps[1:]:
        # Without this scale, a product of many maps would vanish.
        joint = F.normalize(joint * other, dim=1)
    return F.normalize(joint, p=1, dim=1)
