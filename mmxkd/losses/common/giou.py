"""Generalised intersection over union of pairs of boxes."""
import torch
from torch import Tensor


def generalized_iou(a: Tensor, b: Tensor) -> Tensor:
    r"""GIoU of box i of one set with box i of the other.

    .. math:: \frac{|A \cap B|}{|A \cup B|}
              - \frac{|H| - |A \cup B|}{|H|}

    with H the smallest box around both (Rezatofighi et al., CVPR 2019).

    Args:
        a, b (Tensor): (…, 4) x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2.

    Returns:
        Tensor: (…), in [-1, 1]; 1 for equal boxes of some area, and finite
        for empty ones.

    Examples:
        >>> a = torch.tensor([[0., 0., 2., 2.]])
        >>> generalized_iou(a, a + 1)
        tensor([-0.0794])
    """
    tiny = torch.finfo(a.dtype).tiny

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp(min=0).prod(-1)

    shared = area(torch.maximum(a[..., :2], b[..., :2]),
                  torch.minimum(a[..., 2:], b[..., 2:]))
    union = (area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:])
             - shared).clamp(min=tiny)
    hull = area(torch.minimum(a[..., :2], b[..., :2]),
                torch.maximum(a[..., 2:], b[..., 2:])).clamp(min=tiny)
    return shared / union - (hull - union) / hull
