"""Cross-entropy against a teacher's softened classes."""
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import DistillationLoss
from .common.options import check_positive
from .common.precision import in_full_precision

BACKGROUNDS = dict(first=0, last=-1)


@in_full_precision
def soft_cross_entropy(s_logits: Tensor, t_logits: Tensor,
                       temperature: float = 1.0,
                       background_weight: float = 1.5,
                       foreground_weight: float = 1.0,
                       background: str = 'last') -> Tensor:
    r"""Class-weighted cross-entropy of Chen et al. (NeurIPS 2017).

    .. math:: L = -\sum_c w_c\, p^T_c \ln p^S_c, \qquad
              p = \operatorname{softmax}(z / \tau)

    It is not a divergence: where both agree it is the teacher's (weighted)
    entropy. There is no factor :math:`\tau^2`.

    The published code takes :math:`(p^T_c + \epsilon) \ln (p^S_c +
    \epsilon)` with :math:`\epsilon = 10^{-10}`. Here the logarithm is that
    of the softmax. Both are equal while :math:`p^S_c` is far above
    :math:`\epsilon`. Where it is below, the published term is capped at
    :math:`-\ln \epsilon`, about 23, and its gradient vanishes; here it goes
    on growing, so that a student that is sure and wrong still learns.

    Args:
        s_logits, t_logits (Tensor): Student and teacher, (…, C). The
            teacher gets no gradient.
        temperature (float): :math:`\tau`.
        background_weight (float): :math:`w` of the background.
        foreground_weight (float): :math:`w` of the other classes.
        background (str): ``'last'`` class, as in mmdet, or ``'first'``.

    Returns:
        Tensor: (…), one value per row of logits.
    """
    target = (t_logits.detach() / temperature).softmax(-1)
    weights = target.new_full(target.shape[-1:], foreground_weight)
    weights[BACKGROUNDS[background]] = background_weight
    predicted = F.log_softmax(s_logits / temperature, -1)
    return -(weights * target * predicted).sum(-1)


@MODELS.register_module()
class SoftCrossEntropyLoss(DistillationLoss):
    """:func:`soft_cross_entropy`, summed over rows and divided by a number.

    Args:
        temperature, background_weight, foreground_weight, background: See
            :func:`soft_cross_entropy`. The paper's weights are 1.5 and 1,
            its best temperature 1.

    Raises:
        ValueError: The temperature is not positive, or ``background`` is
            unknown.
    """

    compares_classes = True

    def __init__(self, temperature: float = 1.0,
                 background_weight: float = 1.5,
                 foreground_weight: float = 1.0,
                 background: str = 'last') -> None:
        super().__init__()
        check_positive('SoftCrossEntropyLoss', 'temperature', temperature)
        check_known('SoftCrossEntropyLoss: background', background,
                    BACKGROUNDS)
        self.temperature, self.background = temperature, background
        self.background_weight = background_weight
        self.foreground_weight = foreground_weight

    def forward(self, s_logits: Tensor, t_logits: Tensor,
                avg_factor: float | None = None) -> Tensor:
        """The loss.

        Args:
            s_logits, t_logits (Tensor): Student and teacher, (…, C).
            avg_factor (float, optional): Divides the sum. Default: the
                number of rows (at least 1).

        Returns:
            Tensor: A scalar; 0 without any row.

        Raises:
            ValueError: The shapes differ.
        """
        if s_logits.shape != t_logits.shape:
            raise ValueError(
                f'SoftCrossEntropyLoss: logits are {tuple(s_logits.shape)} '
                f'in the student, {tuple(t_logits.shape)} in the teacher')
        rows = soft_cross_entropy(s_logits, t_logits, self.temperature,
                                  self.background_weight,
                                  self.foreground_weight, self.background)
        if avg_factor is None:
            avg_factor = max(rows.numel(), 1)
        return rows.sum() / avg_factor
