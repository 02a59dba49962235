"""Detections of an SSD from its raw outputs."""
from collections.abc import Mapping
from typing import Any

import numpy as np

from .boxes import Detections, centres_and_sizes, nms, softmax

OUTPUTS = ('logits', 'deltas')


def decode(outputs: Mapping[str, np.ndarray], priors: np.ndarray,
           options: Mapping[str, Any], shape: tuple[int, int]) -> Detections:
    """As ``mmxkd.ClasswiseSSDHead`` does it.

    Args:
        outputs (Mapping): Of one picture: ``logits`` (P, C + 1), the
            background last, and ``deltas`` (P, 4).
        priors (np.ndarray): (P, 4) x1, y1, x2, y2 in pixels of the input.
        options (Mapping): ``stds``, ``max_ratio`` and ``clip`` of the boxes;
            ``score_thr``, ``top_k``, ``iou_threshold``, ``max_per_img``.
        shape (tuple[int, int]): Height and width of the resized picture.

    Returns:
        Detections: Best first, in pixels of the input.
    """
    boxes = _boxes(outputs['deltas'], priors, options, shape)
    scores = softmax(outputs['logits'])[:, :-1]
    found = []
    for label in range(scores.shape[1]):
        own = scores[:, label]
        chosen = np.flatnonzero(own > options['score_thr'])
        best = np.argsort(-own[chosen], kind='stable')[:options['top_k']]
        chosen = chosen[best]
        chosen = chosen[nms(boxes[chosen], own[chosen],
                            options['iou_threshold'])]
        found.append(
            Detections(boxes[chosen], own[chosen],
                       np.full(len(chosen), label, np.int64)))
    every = Detections(*map(np.concatenate, zip(*found, strict=True)))
    order = np.argsort(-every.scores, kind='stable')
    limit = options['max_per_img']
    return every.chosen(order[:limit] if limit > 0 else order)


def _boxes(deltas: np.ndarray, priors: np.ndarray, options: Mapping[str, Any],
           shape: tuple[int, int]) -> np.ndarray:
    centres, sizes = centres_and_sizes(priors)
    scaled = deltas * np.float32(options['stds'])
    centres = centres + sizes * scaled[:, :2]
    limit = np.float32(options['max_ratio'])
    half = sizes * np.exp(scaled[:, 2:].clip(-limit, limit)) / 2
    boxes = np.concatenate([centres - half, centres + half], 1)
    if options['clip']:
        height, width = shape
        boxes = boxes.clip(0, np.array([width, height] * 2, np.float32))
    return boxes
