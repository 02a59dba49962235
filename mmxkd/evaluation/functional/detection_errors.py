"""What kind of mistake each detection is."""
from dataclasses import dataclass

import numpy as np

ERRORS = ('loc', 'cls', 'bg', 'missed')
"""Wrong place, wrong class, nothing there, and an object that was not found.
"""
KINDS = ('correct', 'repeated', *ERRORS)


@dataclass(frozen=True)
class Finding:
    """One detection that was judged, or an object that was missed.

    Attributes:
        kind (str): One of :data:`KINDS`.
        detection (int): Its index; -1 for a missed object.
        truth (int): Index of the object that it overlaps most, or that was
            missed; -1 where it overlaps none.
        iou (float): Their overlap.
    """

    kind: str
    detection: int
    truth: int
    iou: float


def detection_errors(boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray,
                     true_boxes: np.ndarray,
                     true_labels: np.ndarray) -> list[Finding]:
    """Judge the best detections of an image, as many as it has objects.

    A detection whose best overlap is at most 0.1 is of kind ``bg``. Else, if
    its class is another one, ``cls``. Else, if the overlap is below 0.5,
    ``loc``. What is left is ``correct``, or ``repeated`` if a better one found
    the same object. Objects without a correct detection are ``missed``.

    Boxes include their last pixel, as KITTI's: an IoU is that of widths
    x2 - x1 + 1.

    Source: the error analysis of SqueezeDet's code, which ShuffleDet uses,
    after Hoiem et al., Diagnosing Error in Object Detectors, ECCV 2012.

    Args:
        boxes (np.ndarray): (M, 4) x1, y1, x2, y2, pixels.
        labels (np.ndarray): (M, ) classes.
        scores (np.ndarray): (M, ).
        true_boxes, true_labels (np.ndarray): (N, 4) and (N, ).

    Returns:
        list[Finding]: Detections by score, then missed objects. An image
        without objects has none.

    Examples:
        >>> box, car = np.array([[0, 0, 9, 9.]]), np.array(['Car'])
        >>> found = detection_errors(box + 5, car, np.ones(1), box, car)
        >>> [finding.kind for finding in found]
        ['loc', 'missed']
    """
    found: list[Finding] = []
    detected: set[int] = set()
    if not len(true_boxes):
        return found
    overlaps = _overlaps(boxes, true_boxes)
    for i in np.argsort(-scores, kind='stable')[:len(true_boxes)].tolist():
        truth = int(overlaps[i].argmax())
        iou = float(overlaps[i, truth])
        if iou <= 0.1:
            kind = 'bg'
        elif labels[i] != true_labels[truth]:
            kind = 'cls'
        elif iou < 0.5:
            kind = 'loc'
        else:
            kind = 'repeated' if truth in detected else 'correct'
            detected.add(truth)
        found.append(Finding(kind, i, truth if iou > 0 else -1, iou))
    return found + [
        Finding('missed', -1, truth, 0.0)
        for truth in range(len(true_boxes)) if truth not in detected
    ]


def _overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(M, N) IoU of boxes that include their last pixel."""
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    shared = np.clip(high - low + 1, 0, None).prod(2)
    areas = [(b[:, 2:] - b[:, :2] + 1).prod(1) for b in (boxes, others)]
    return shared / (areas[0][:, None] + areas[1] - shared)
