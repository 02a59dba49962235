"""Detections of SqueezeDet and ShuffleDet from their raw outputs."""
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .boxes import Detections, centres_and_sizes, nms, softmax

OUTPUTS = ('logits', 'confidence', 'deltas')


def decode(outputs: Mapping[str, np.ndarray], priors: np.ndarray,
           options: Mapping[str, Any], shape: tuple[int, int]) -> Detections:
    """As ``mmxkd.ConvDetHead`` does it, before boxes are rescaled.

    Args:
        outputs (Mapping): Of one picture: ``logits`` (P, C), ``confidence``
            (P, 1) and ``deltas`` (P, 4).
        priors (np.ndarray): (P, 4) x1, y1, x2, y2 in pixels of the input.
        options (Mapping): ``nms_pre``, ``score_thr``, ``iou_threshold``,
            ``max_per_class``.
        shape (tuple[int, int]): Height and width of the resized picture,
            to which boxes are clamped.

    Returns:
        Detections: Class by class, best first, in pixels of the input.
    """
    classes = softmax(outputs['logits'])
    labels = classes.argmax(1)
    # The sigmoid, by a form that does not overflow.
    confidence = (1 + np.tanh(outputs['confidence'][:, 0] / 2)) / 2
    scores = classes.max(1) * confidence
    order = np.argsort(-scores, kind='stable')[:options['nms_pre']]
    if options['score_thr'] > 0:
        order = order[scores[order] > options['score_thr']]
    found = Detections(_boxes(outputs['deltas'][order], priors[order], shape),
                       scores[order], labels[order])
    kept = [np.zeros(0, np.int64)]
    for label in range(classes.shape[1]):
        own = np.flatnonzero(found.labels == label)
        best = nms(found.boxes[own], found.scores[own],
                   options['iou_threshold'])
        kept.append(own[best[:options['max_per_class']]])
    return found.chosen(np.concatenate(kept))


def _boxes(deltas: np.ndarray, priors: np.ndarray,
           shape: tuple[int, int]) -> np.ndarray:
    centres, sizes = centres_and_sizes(priors)
    centres = centres + deltas[:, :2] * sizes
    half = sizes * bounded_exp(deltas[:, 2:]) / 2
    height, width = shape
    last = np.array([width - 1, height - 1], np.float32)
    low, high = (corner.clip(0, last)
                 for corner in (centres - half, centres + half))
    # Boxes include their last pixel.
    return np.concatenate([low, high + 1], 1)


def bounded_exp(x: np.ndarray) -> np.ndarray:
    """The exponential up to 1, and its tangent there beyond.

    Examples:
        >>> bounded_exp(np.array([0., 1., 2.])).round(4).tolist()
        [1.0, 2.7183, 5.4366]
    """
    return np.where(x > 1, np.float32(math.e) * x, np.exp(np.minimum(x, 1)))
