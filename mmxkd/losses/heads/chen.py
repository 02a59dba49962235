"""The terms of Chen et al. (NeurIPS 2017) for any head."""
from torch import Tensor

from mmxkd.losses.bounded_regression import BoundedRegressionLoss
from mmxkd.losses.soft_cross_entropy import SoftCrossEntropyLoss
from mmxkd.schedules import Progress, build_schedule

from .base import Head, HeadLoss
from .layouts import check_coders


class ChenHeadLoss(HeadLoss):
    r"""What the losses of dense heads and RoI heads have in common.

    .. math::
        L = \underbrace{\mu L_{hard} + L_{reg}}_{\text{the detector's own}}
            + (1 - \mu) L_{soft} + \nu L_{bound}

    The detector computes the first two terms itself; this loss adds the
    others, and multiplies the detector's classification loss by :math:`\mu`,
    so that the config states :math:`\mu` once.

    Args:
        mu (float | dict): :math:`\mu` in [0, 1], or a schedule of it, such
            as ``dict(type='Linear', start=0., stop=1., end=10000)``. The
            paper gives no value.
        temperature, background_weight, foreground_weight: See
            :class:`mmxkd.losses.SoftCrossEntropyLoss`.
        nu, margin, bound: See
            :class:`mmxkd.losses.BoundedRegressionLoss`. With ``nu=0`` boxes
            are not compared.
        hard_loss (str, optional): Name of the student's classification
            loss, which :math:`\mu` multiplies. Default: mmdet's name of
            it, ``'loss_rpn_cls'`` for an RPN and ``'loss_cls'`` for others.

    Raises:
        ValueError: :math:`\mu` is outside [0, 1], or an option of a term is
            not valid.
        ConfigError: There is no such schedule.
    """
    fixed: tuple[str, ...] = ('targets', )

    def __init__(self, mu: float | dict = 0.5, temperature: float = 1.0,
                 background_weight: float = 1.5,
                 foreground_weight: float = 1.0, nu: float = 0.5,
                 margin: float = 0.0, bound: str = 'box',
                 hard_loss: str | None = None) -> None:
        super().__init__()
        self.mu = build_schedule(mu, f'{type(self).__name__}.mu')
        self.schedules['mu'] = self.mu
        self.mu_now(Progress())
        self.named = hard_loss is not None
        self.hard_loss: str | tuple[str, ...] = ('loss_cls' if hard_loss
                                                 is None else hard_loss)
        self.soft = SoftCrossEntropyLoss(temperature, background_weight,
                                         foreground_weight)
        self.bounded = BoundedRegressionLoss(nu, margin, bound)

    def check_boxes(self, student: Head, teacher: Head) -> None:
        """Raise unless both heads predict deltas of the same kind.

        Args:
            student, teacher (nn.Module): What decodes the boxes.

        Raises:
            ValueError: The codes differ, or bounded regression would compare
                decoded boxes.
        """
        if self.bounded.nu and student.reg_decoded_bbox:
            raise ValueError(f'{type(student).__name__} regresses decoded '
                             'boxes; bounded regression compares deltas. '
                             'Leave it out by nu=0')
        check_coders(student, teacher)

    def mu_now(self, progress: Progress) -> float:
        """The share of the hard labels at this moment.

        Raises:
            ValueError: It is outside [0, 1].
        """
        mu = self.mu(progress)
        if not 0 <= mu <= 1:
            raise ValueError(f'{type(self).__name__}: mu={mu:g}, expected a '
                             'number between 0 and 1')
        return mu

    def student_weights(
            self, progress: Progress) -> dict[str | tuple[str, ...], float]:
        """The student's classification loss weighs mu."""
        return {self.hard_loss: self.mu_now(progress)}

    def total(self, mu: float, soft: Tensor, bound: Tensor,
              **others: Tensor) -> Tensor:
        """The sum of the terms; the log has each without its weight."""
        self._note(soft=soft, bound=bound, **others, mu=soft.new_tensor(mu))
        return (1 - mu) * soft + bound
