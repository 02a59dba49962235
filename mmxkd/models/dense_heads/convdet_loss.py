"""The three terms of SqueezeDet's loss, as ShuffleDet uses them."""
from typing import NamedTuple

import torch
from torch import Tensor

_TINY = 1e-16
"""Added to logarithms and to the union of boxes, as published."""


class ConvDetWeights(NamedTuple):
    """Factors of the terms; the published ones by default.

    Attributes:
        cls: Of the classes.
        conf_object: Of the confidence of anchors with an object.
        conf_background: Of all others.
        bbox: Of the offsets.
    """

    cls: float = 1.0
    conf_object: float = 75.0
    conf_background: float = 100.0
    bbox: float = 5.0


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Binary cross-entropy of softmax probabilities, a mean over objects.

    .. math:: \frac1n \sum_{i,c} -y_{ic} \log(p_{ic} + \epsilon)
              - (1 - y_{ic}) \log(1 - p_{ic} + \epsilon)

    Args:
        logits (Tensor): (n, C) at the anchors with an object; no background.
        labels (Tensor): (n, ) 0 to C - 1.

    Returns:
        Tensor: Scalar; 0 without any object.
    """
    p = logits.softmax(1)
    is_class = torch.nn.functional.one_hot(labels, logits.shape[1]).to(p)
    chosen = torch.where(is_class > 0, p, 1 - p)
    return -(chosen + _TINY).log().sum() / max(len(labels), 1)


def confidence_loss(logits: Tensor, targets: Tensor, has_object: Tensor,
                    weights: ConvDetWeights) -> Tensor:
    r"""Squared error of the confidence, a mean over images.

    .. math:: \frac1N \sum_{i,p} (t_{ip} - \sigma(l_{ip}))^2
              \left(m_{ip} \frac{w_o}{n}
              + (1 - m_{ip}) \frac{w_b}{P - n}\right)

    :math:`n` counts the objects of the whole batch, :math:`P` the anchors of
    one image, as published.

    Args:
        logits (Tensor): (N, P).
        targets (Tensor): (N, P) IoU of the predicted box with its object,
            0 for anchors without one.
        has_object (Tensor): (N, P) bool, :math:`m`.
        weights (ConvDetWeights): :math:`w_o` and :math:`w_b`.

    Returns:
        Tensor: Scalar. Without any object only the background counts.
    """
    count = has_object.sum()
    own = weights.conf_object / count.clamp(min=1)
    rest = weights.conf_background / (logits.shape[1] - count).clamp(min=1)
    weight = torch.where(has_object, own, rest)
    squared = (targets - logits.sigmoid()).square()
    return (squared * weight).sum() / len(logits)


def offset_loss(deltas: Tensor, targets: Tensor) -> Tensor:
    """Squared error of the offsets, a sum over four and a mean over objects.

    Args:
        deltas, targets (Tensor): (n, 4) at the anchors with an object.

    Returns:
        Tensor: Scalar; 0 without any object.
    """
    return (deltas - targets).square().sum() / max(len(targets), 1)


def aligned_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """IoU of each box with the one beside it.

    Args:
        boxes, others (Tensor): (n, 4) x1, y1, x2, y2.

    Returns:
        Tensor: (n, ).

    Examples:
        >>> box = torch.tensor([[0., 0., 2., 2.]])
        >>> aligned_iou(box, box + torch.tensor([1., 0., 1., 0.]))
        tensor([0.3333])
    """
    low = torch.maximum(boxes[:, :2], others[:, :2])
    high = torch.minimum(boxes[:, 2:], others[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    areas = [(b[:, 2:] - b[:, :2]).prod(1) for b in (boxes, others)]
    return shared / (areas[0] + areas[1] - shared + _TINY)
