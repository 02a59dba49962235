"""A focal loss that ignores how sure a sure prediction is."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmxkd.errors import check_known
from mmxkd.registry import MODELS


def focal_terms(p: Tensor, target: Tensor, alpha: float = 0.25,
                gamma: float = 2., eps: float = 1e-4) -> Tensor:
    """One term of the focal loss for each probability.

    Args:
        p (Tensor): Probabilities, 0 to 1.
        target (Tensor): Of the same shape, bool.
        alpha (float): Weight of positives; negatives weigh 1 - alpha.
        gamma (float): How fast what is nearly right stops to count.
        eps (float): Probabilities are clamped to eps … 1 - eps, so that what
            lies beyond has no gradient.

    Returns:
        Tensor: Of the same shape, 0 or more.

    Source: the method's sheet, section 5.1.
    """
    p = p.clamp(eps, 1 - eps)
    right = torch.where(target, p, 1 - p)
    weight = torch.where(target, alpha, 1 - alpha).to(p)
    return -weight * (1 - right)**gamma * right.log()


@MODELS.register_module()
class ClampedFocalLoss(nn.Module):
    """Focal loss on probabilities that are clamped, as EfficientDet's.

    It stands where mmdet's ``FocalLoss`` does, which clamps nothing.

    Args:
        use_sigmoid (bool): Must be True: one probability per class.
        gamma (float): Of :func:`focal_terms`.
        alpha (float): Likewise.
        eps (float): Likewise.
        reduction (str): ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight (float): Factor of the loss.

    Raises:
        ConfigError: ``use_sigmoid`` is False, or the reduction is unknown.
    """

    def __init__(self, use_sigmoid: bool = True, gamma: float = 2.,
                 alpha: float = 0.25, eps: float = 1e-4,
                 reduction: str = 'mean', loss_weight: float = 1.) -> None:
        super().__init__()
        check_known('ClampedFocalLoss: use_sigmoid', use_sigmoid, (True, ))
        check_known('ClampedFocalLoss: reduction', reduction,
                    ('none', 'mean', 'sum'))
        self.gamma, self.alpha, self.eps = gamma, alpha, eps
        self.reduction, self.loss_weight = reduction, loss_weight

    def forward(self, pred: Tensor, target: Tensor,
                weight: Tensor | None = None, avg_factor: float | None = None,
                reduction_override: str | None = None) -> Tensor:
        """The loss of some rows.

        Args:
            pred (Tensor): (N, C) logits.
            target (Tensor): (N, ) classes; C is the background.
            weight (Tensor, optional): (N, ).
            avg_factor (float, optional): What ``'mean'`` divides by; the
                number of terms where it is None.
            reduction_override (str, optional): In place of ``reduction``.

        Returns:
            Tensor: (N, C) for ``'none'``, else a scalar.
        """
        classes = pred.shape[1]
        hit = F.one_hot(target, classes + 1)[:, :classes].bool()
        loss = focal_terms(pred.sigmoid(), hit, self.alpha, self.gamma,
                           self.eps) * self.loss_weight
        if weight is not None:
            loss = loss * weight[:, None]
        reduction = reduction_override or self.reduction
        if reduction == 'none':
            return loss
        if reduction == 'sum':
            return loss.sum()
        return loss.mean() if avg_factor is None else loss.sum() / avg_factor
