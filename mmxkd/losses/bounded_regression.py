"""Regression that stops where the student is better than its teacher."""
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import DistillationLoss
from .common.precision import in_full_precision

BOUNDS = ('box', 'batch')


@in_full_precision
def bounded_squared_error(s_box: Tensor, t_box: Tensor, target: Tensor,
                          margin: float = 0.0, bound: str = 'box') -> Tensor:
    r"""Teacher-bounded error of Chen et al. (NeurIPS 2017).

    .. math:: e_i = \begin{cases} \|R^S_i - y_i\|^2 & \text{if }
              \|R^S_i - y_i\|^2 + m > \|R^T_i - y_i\|^2 \\
              0 & \text{otherwise} \end{cases}

    The teacher is only a bound: the loss draws the student to the target,
    never to a teacher that may be wrong.

    Args:
        s_box, t_box, target (Tensor): Boxes in the head's code, of the
            student, the teacher and the ground truth, (P, D). Only the
            student gets a gradient, and none through the condition.
        margin (float): :math:`m`, in units of the squared error.
        bound (str): ``'box'``: one condition per box (the paper).
            ``'batch'``: one for all, between means over all numbers (a
            widespread SSD version).

    Returns:
        Tensor: (P, ) squared errors, 0 where the bound is reached.
    """
    student = (s_box - target).square()
    teacher = (t_box.detach() - target).square()
    if bound == 'box':
        behind = student.sum(1) + margin > teacher.sum(1)
    else:
        behind = student.mean() + margin > teacher.mean()
    return student.sum(1) * behind


@MODELS.register_module()
class BoundedRegressionLoss(DistillationLoss):
    r"""Teacher-bounded regression (Chen et al., NeurIPS 2017).

    ``bound='box'``: :math:`\nu \sum_i e_i / N`, as in the paper.
    ``bound='batch'``: :math:`\nu \operatorname{mean}(e) / N`, with a mean
    over boxes and coordinates, as in the published SSD code. Beside a
    smooth-L1 loss that is a sum over N, this is next to nothing where there
    are many boxes.

    It is added to the detector's own regression loss.

    Args:
        nu (float): :math:`\nu`.
        margin (float): :math:`m`; the paper gives no value.
        bound (str): See :func:`bounded_squared_error`.

    Raises:
        ValueError: ``bound`` is unknown.
    """

    def __init__(self, nu: float = 0.5, margin: float = 0.0,
                 bound: str = 'box') -> None:
        super().__init__()
        check_known('BoundedRegressionLoss: bound', bound, BOUNDS)
        self.nu, self.margin, self.bound = nu, margin, bound

    def forward(self, s_box: Tensor, t_box: Tensor, target: Tensor,
                avg_factor: float | None = None) -> Tensor:
        """The loss.

        Args:
            s_box, t_box, target (Tensor): Student, teacher and target at
                the positive priors, (P, D).
            avg_factor (float, optional): N. Default: P (at least 1).

        Returns:
            Tensor: A scalar; 0 without boxes.

        Raises:
            ValueError: The shapes differ.
        """
        if not s_box.shape == t_box.shape == target.shape:
            raise ValueError(
                f'BoundedRegressionLoss: boxes are {tuple(s_box.shape)} in '
                f'the student, {tuple(t_box.shape)} in the teacher, '
                f'{tuple(target.shape)} in the target')
        errors = bounded_squared_error(s_box, t_box, target, self.margin,
                                       self.bound)
        total = errors.sum()
        if self.bound == 'batch':
            total = total / max(s_box.numel(), 1)
        if avg_factor is None:
            avg_factor = max(len(s_box), 1)
        return self.nu * total / avg_factor
