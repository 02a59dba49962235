"""Soft labels of the teacher's classification."""
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.options import check_positive

REDUCTIONS = ('batchmean', 'mean')
ACTIVATIONS = ('softmax', 'sigmoid')


@MODELS.register_module()
class SoftLabelKLLoss(MultiLevelLoss):
    r"""Divergence between softened class probabilities (Hinton et al., 2015).

    .. math:: \ell = \frac{\tau^2}{Z} \sum_{x} \sum_k
              P_t (\ln P_t - \ln P_s), \qquad
              P = \operatorname{softmax}_k(z / \tau)

    over the positions :math:`x`: all axes but that of the classes.
    :math:`Z` is the number of images (the length of the first axis) for
    ``reduction='batchmean'``, as in MM-DistillNet's code and in MMRazor, and
    the number of positions for ``'mean'``. Choose ``'mean'`` for dense heads:
    the loss then does not grow with the size of the images. The total is the
    sum over levels.

    ``activation='sigmoid'`` is our extension to heads with one binary
    decision per class, such as RetinaNet's: the same with
    :math:`P = \sigma(z / \tau)`, and for each class the divergence of the two
    outcomes, :math:`P_t \ln \frac{P_t}{P_s} + (1 - P_t) \ln
    \frac{1 - P_t}{1 - P_s}`.

    Args:
        temperature (float): :math:`\tau`.
        dim (int): The axis of classes.
        reduction (str): ``'batchmean'`` or ``'mean'``.
        activation (str): ``'softmax'`` or ``'sigmoid'``.
        num_classes (int, optional): Entries of one prediction (with the
            background, where the head has one). For heads whose class axis
            holds the classes of several anchors one after another, as in
            mmdet: (N, A·K, H, W). Default: the whole axis is one prediction.
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    # A connector must not mix the logits of classes.
    same_shape = False
    maps_only = False
    compares_classes = True

    def __init__(self, temperature: float = 4.0, dim: int = 1,
                 reduction: str = 'batchmean', activation: str = 'softmax',
                 num_classes: int | None = None,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        name = type(self).__name__
        check_positive(name, 'temperature', temperature)
        check_known(f'{name}: reduction', reduction, REDUCTIONS)
        check_known(f'{name}: activation', activation, ACTIVATIONS)
        if num_classes is not None and num_classes < 1:
            raise ValueError(f'{name}: num_classes={num_classes}, expected '
                             'a positive number')
        self.temperature = temperature
        self.dim = dim
        self.reduction = reduction
        self.activation = activation
        self.num_classes = num_classes

    def levels(self, s_logits: Levels, t_logits: Levels) -> list[Tensor]:
        """Divergence of each level.

        Args:
            s_logits, t_logits (Tensor | list[Tensor]): Student and teacher,
                with equal shapes and the classes on axis ``dim``: (N, K),
                (N, A·K, H, W), …

        Raises:
            ValueError: The shapes differ, or the class axis does not exist
                or is not a multiple of ``num_classes``.
        """
        return [
            self._level(i, s, t)
            for i, (s, t) in enumerate(self.pairs(s_logits, t_logits))
        ]

    def _level(self, level: int, student: Tensor, teacher: Tensor) -> Tensor:
        s, axis = self._predictions(level, student)
        t, _ = self._predictions(level, teacher)
        divergence = (_softmax_kl if self.activation == 'softmax' else
                      _sigmoid_kl)(s, t, axis)
        positions = s.numel() // max(s.shape[axis], 1)
        count = len(student) if self.reduction == 'batchmean' else positions
        # Without any prediction: an empty sum, with its gradient path.
        return divergence * (self.temperature**2 / max(count, 1))

    def _predictions(self, level: int, logits: Tensor) -> tuple[Tensor, int]:
        """Softened logits, and the axis of one prediction's classes."""
        if not -logits.dim() <= self.dim < logits.dim():
            raise ValueError(f'{type(self).__name__}: level {level} has '
                             f'{logits.dim()} axes, no axis {self.dim}')
        axis = self.dim % logits.dim()
        logits = logits / self.temperature
        if self.num_classes is None:
            return logits, axis
        if logits.shape[axis] % self.num_classes:
            raise ValueError(
                f'{type(self).__name__}: level {level} has '
                f'{logits.shape[axis]} entries on axis {self.dim}, no '
                f'multiple of num_classes={self.num_classes}')
        return logits.unflatten(axis, (-1, self.num_classes)), axis + 1


def _softmax_kl(student: Tensor, teacher: Tensor, axis: int) -> Tensor:
    return _kl(*(F.log_softmax(z, axis) for z in (student, teacher)))


def _sigmoid_kl(student: Tensor, teacher: Tensor, _: int) -> Tensor:
    return (_kl(F.logsigmoid(student), F.logsigmoid(teacher))
            + _kl(F.logsigmoid(-student), F.logsigmoid(-teacher)))


def _kl(log_s: Tensor, log_t: Tensor) -> Tensor:
    return (log_t.exp() * (log_t - log_s)).sum()
