"""The background priors that a single-shot detector learns from."""
import torch
from torch import Tensor


@torch.no_grad()
def hard_negatives(errors: Tensor, positive: Tensor, negative: Tensor,
                   ratio: float = 3.0) -> Tensor:
    r"""The negatives with the largest errors, for each image alone.

    :math:`\min(\lfloor r\,n_{pos} \rfloor, n_{neg})` of them (SSD, Liu et
    al., ECCV 2016). Since an image with a positive has at most P - 1
    negatives, this is also the published bound of P - 1. An image without
    positives gives none.

    Args:
        errors (Tensor): (N, P) cross-entropy of the student on the hard
            labels, one value per prior (the student mines, never the
            teacher).
        positive, negative (Tensor): (N, P) bool. Priors that are neither
            are ignored.
        ratio (float): Negatives per positive.

    Returns:
        Tensor: (N, P) bool. Of equal errors, the earlier prior is taken.

    Examples:
        >>> errors = torch.tensor([[9., 1., 3., 2., 4.]])
        >>> positive = torch.tensor([[True, False, False, False, False]])
        >>> hard_negatives(errors, positive, ~positive)
        tensor([[False, False,  True,  True,  True]])
    """
    scores = errors.masked_fill(~negative, float('-inf'))
    rank = scores.argsort(dim=1, descending=True, stable=True).argsort(1)
    wanted = (positive.sum(1, keepdim=True) * ratio).floor()
    return (rank < wanted) & negative
