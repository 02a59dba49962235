"""The boxes of several detectors made into one set.

Weighted boxes fusion: Solovyev, Wang, Gabruseva, "Weighted boxes fusion:
Ensembling boxes from different object detection models", Image and Vision
Computing 107, 2021. Boxes that overlap become one box, which lies where the
confident ones lie; one that few detectors see loses score.

Non-maximum suppression over the boxes of all: the best one of each group
stays as it is. With ``class_agnostic`` this is how MM-DistillNet joins its
teachers (Valverde, Hurtado, Valada, CVPR 2021).
"""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmxkd.errors import ConfigError, check_known, check_number

from .box_overlaps import box_iou, suppress

MODES = ('wbf', 'nms')


class Detections(NamedTuple):
    """What one detector finds in one picture.

    Attributes:
        boxes: (N, 4) xyxy, float64.
        scores: (N, ), 0 to 1.
        labels: (N, ), integers.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    def chosen(self, which: np.ndarray) -> 'Detections':
        """Some of them, by index or mask."""
        return Detections(*(column[which] for column in self))


def fuse_detections(found: Sequence[Detections], mode: str = 'wbf',
                    iou_thr: float = 0.55,
                    weights: Sequence[float] | None = None,
                    class_agnostic: bool = False) -> Detections:
    """Fuse what several detectors find in one picture.

    Neither the order of the detectors nor that of their boxes matters.

    Args:
        found (Sequence[Detections]): One per detector.
        mode (str): ``'wbf'`` or ``'nms'``.
        iou_thr (float): Boxes that overlap by more belong together.
        weights (Sequence[float], optional): How much each detector counts;
            1 by default. ``'nms'`` takes none.
        class_agnostic (bool): With ``'nms'``, boxes of different classes
            suppress each other too.

    Returns:
        Detections: Best scores first.

    Raises:
        ConfigError: An argument is out of range, or does not go with the
            mode.
        ValueError: A score or a box is not finite.

    Examples:
        >>> one = Detections(np.array([[0., 0., 10., 10.]]), np.array([.9]),
        ...                  np.array([0]))
        >>> two = one._replace(boxes=one.boxes + 1, scores=np.array([.3]))
        >>> fused = fuse_detections([one, two])
        >>> fused.boxes, fused.scores
        (array([[ 0.25,  0.25, 10.25, 10.25]]), array([0.6]))
    """
    check_known('mode of the fusion', mode, MODES)
    check_number('fusion: iou_thr', iou_thr, 0, below=1)
    if class_agnostic and mode != 'nms':
        raise ConfigError("fusion: class_agnostic goes with mode='nms' alone: "
                          'a mean of boxes of different classes has none')
    if weights is not None and mode == 'nms':
        raise ConfigError("fusion: mode='nms' takes no weights")
    counts = _checked_weights(len(found), weights)
    everything = _join(found)
    if not (np.isfinite(everything.boxes).all()
            and np.isfinite(everything.scores).all()):
        raise ValueError('a box or a score is not finite')
    weight = np.repeat(counts, [len(part.scores) for part in found])
    order = _order(everything, weight)
    everything, weight = everything.chosen(order), weight[order]
    if mode == 'nms':
        labels = None if class_agnostic else everything.labels
        return everything.chosen(
            suppress(everything.boxes, everything.scores, iou_thr, labels))
    fused = _join([
        _fuse_class(everything.chosen(own), weight[own], iou_thr,
                    float(counts.sum()))
        for own in (everything.labels == label
                    for label in np.unique(everything.labels))
    ])
    return fused.chosen(_order(fused, np.ones(len(fused.scores))))


def _join(found: Sequence[Detections]) -> Detections:
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    return Detections(*(np.concatenate(column)
                        for column in zip(none, *found, strict=True)))


def _checked_weights(number: int,
                     weights: Sequence[float] | None) -> np.ndarray:
    counts = np.ones(number) if weights is None else np.asarray(weights)
    if (counts.shape != (number, ) or counts.dtype.kind not in 'iuf'
            or not (np.isfinite(counts) & (counts > 0)).all()):
        raise ConfigError(f'fusion: weights={weights}, expected one number '
                          f'above 0 for each of {number} detectors')
    return counts.astype(np.float64)


def _order(found: Detections, weight: np.ndarray) -> np.ndarray:
    """Best scores first; equal ones in an order of their own."""
    return np.lexsort(
        (weight, *found.boxes.T[::-1], found.labels, -found.scores * weight))


def _fuse_class(found: Detections, weight: np.ndarray, iou_thr: float,
                total: float) -> Detections:
    """The clusters of one class, section 2 of the paper.

    A weight makes a box count as so many: equal weights give the paper's
    formulas, with ``min(T, N) / N`` for T boxes of N detectors.
    """
    fused = np.zeros((0, 4))
    clusters: list[list[int]] = []
    for i, box in enumerate(found.boxes):
        overlaps = box_iou(box[None], fused)[0]
        best = int(overlaps.argmax()) if len(overlaps) else -1
        if best < 0 or overlaps[best] <= iou_thr:
            clusters.append([i])
            fused = np.concatenate([fused, box[None]])
            continue
        clusters[best].append(i)
        fused[best] = _mean_box(found, weight, clusters[best])
    scores = np.array([
        np.dot(weight[c], found.scores[c]) / weight[c].sum()
        * min(weight[c].sum(), total) / total for c in clusters
    ])
    return Detections(fused, scores, np.repeat(found.labels[:1],
                                               len(clusters)))


def _mean_box(found: Detections, weight: np.ndarray,
              members: list[int]) -> np.ndarray:
    share = weight[members] * found.scores[members]
    if not share.any():
        # Nobody is sure of anything: all count alike.
        share = weight[members]
    return share @ found.boxes[members] / share.sum()
