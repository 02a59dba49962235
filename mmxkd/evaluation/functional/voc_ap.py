"""Average precision by the rules of PASCAL VOC 2007."""
from dataclasses import dataclass

import numpy as np

AVERAGES = ('11points', 'area')


@dataclass(frozen=True)
class VocResult:
    """Average precision per class.

    Attributes:
        ap (np.ndarray): (C, ) 0..1; NaN where a class has no object that
            counts. With ``legacy`` as the published program has it: -1 for a
            class without any detection.
        num_gt (np.ndarray): (C, ) objects that have to be found.
        num_detections (np.ndarray): (C, ).
    """

    ap: np.ndarray
    num_gt: np.ndarray
    num_detections: np.ndarray

    @property
    def mean(self) -> float:
        """Over the classes with a value; NaN where none has one."""
        known = self.ap[~np.isnan(self.ap)]
        return float(known.mean()) if len(known) else float('nan')


def evaluate_voc(truth: np.ndarray, detections: np.ndarray, num_classes: int,
                 average: str = '11points', min_overlap: float = 0.5,
                 legacy: bool = False) -> VocResult:
    """Match detections with objects and average the precision.

    By falling score, a detection takes the object of its class and picture
    that it overlaps most. More than ``min_overlap`` makes it a true positive,
    a false one where that object is taken already, and neither where it is
    difficult. Areas are those of real boxes, width times height, without the
    pixel that the official program adds.

    Source: Everingham et al., IJCV 2010, section 4.2, as the evaluation of a
    published SSD distillation has it.

    Args:
        truth (np.ndarray): (G, 7) picture, class, difficult (0 or 1),
            x1, y1, x2, y2.
        detections (np.ndarray): (D, 7) picture, class, score,
            x1, y1, x2, y2.
        num_classes (int): Classes are 0..num_classes - 1.
        average (str): ``'11points'``: the mean of the highest precision at
            recall 0, 0.1, …, 1 or more; ``'area'``: under the envelope.
        min_overlap (float): IoU that a match has to exceed.
        legacy (bool): As the published program, which writes detections to
            text and reads them back: scores of 3 decimals, boxes of 1 decimal
            and one pixel off; an AP of -1 for a class without any detection.

    Raises:
        ValueError: There is no such average, or a class is out of range.

    Examples:
        >>> truth = np.array([[0, 0, 0, 0, 0, 9, 9.]])
        >>> found = np.array([[0, 0, .8, 0, 0, 9, 8], [1, 0, .9, 0, 0, 9, 9]])
        >>> evaluate_voc(truth, found, 1, 'area').ap.tolist()
        [0.5]
    """
    if average not in AVERAGES:
        raise ValueError(f'average={average!r}, expected one of {AVERAGES}')
    truth = np.asarray(truth, float).reshape(-1, 7)
    detections = np.asarray(detections, float).reshape(-1, 7)
    for table in (truth, detections):
        if len(table) and not (0 <= table[:, 1].min()
                               and table[:, 1].max() < num_classes):
            raise ValueError('a class is outside of 0..'
                             f'{num_classes - 1}')
    if legacy and len(detections):
        detections = _as_text(detections)
    ap = np.full(num_classes, np.nan)
    num_gt, number = (np.zeros(num_classes, int) for _ in range(2))
    for label in range(num_classes):
        own = truth[truth[:, 1] == label]
        found = detections[detections[:, 1] == label]
        num_gt[label] = (own[:, 2] == 0).sum()
        number[label] = len(found)
        if legacy and not len(found):
            ap[label] = -1
        elif num_gt[label] or legacy:
            true, false = match_class(own, found, min_overlap)
            ap[label] = average_precision(true, false, num_gt[label], average)
    return VocResult(ap, num_gt, number)


def _as_text(detections: np.ndarray) -> np.ndarray:
    """What is left of detections after the published program's text files."""
    table = detections.copy()
    for columns, offset, form in ((slice(2, 3), 0, '%.3f'), (slice(3, 7), 1,
                                                             '%.1f')):
        text = np.char.mod(form, table[:, columns] + offset)
        table[:, columns] = text.astype(float)
    return table


def match_class(truth: np.ndarray, detections: np.ndarray,
                min_overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Which detections of a class are true and which are false.

    Args:
        truth, detections (np.ndarray): (G, 7) and (D, 7) of one class.
        min_overlap (float): IoU that a match has to exceed.

    Returns:
        tuple[np.ndarray, np.ndarray]: (D, ) bool each, by falling score. Of
        equal scores, the earlier detection comes first.
    """
    detections = detections[np.argsort(-detections[:, 2], kind='stable')]
    by_picture: dict[float, np.ndarray] = {
        picture: np.flatnonzero(truth[:, 0] == picture)
        for picture in np.unique(truth[:, 0])
    }
    taken = np.zeros(len(truth), bool)
    true, false = (np.zeros(len(detections), bool) for _ in range(2))
    nothing = np.zeros(0, int)
    for row, detection in enumerate(detections):
        there = by_picture.get(detection[0], nothing)
        overlaps = _overlaps(truth[there, 3:], detection[3:])
        best = int(overlaps.argmax()) if len(there) else -1
        if best < 0 or not overlaps[best] > min_overlap:
            false[row] = True
        elif not truth[there[best], 2]:
            true[row] = not taken[there[best]]
            false[row] = taken[there[best]]
            taken[there[best]] = True
    return true, false


def _overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(G, ) IoU of (G, 4) boxes with one (4, ); 0 where both are empty."""
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, 2:], box[2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = ((boxes[:, 2:] - boxes[:, :2]).prod(1) +
             (box[2:] - box[:2]).prod() - shared)
    return np.divide(shared, union, out=np.zeros(len(boxes)), where=union > 0)


def average_precision(true: np.ndarray, false: np.ndarray, num_gt: int,
                      average: str = '11points') -> float:
    """The average of the precision over recall.

    Args:
        true, false (np.ndarray): (D, ) bool, by falling score.
        num_gt (int): Objects that have to be found; with 0 the recall is
            undefined, and so is the area.
        average (str): One of :data:`AVERAGES`.

    Examples:
        >>> true = np.array([1, 1, 0, 1, 0, 1], bool)
        >>> [round(average_precision(true, ~true, 5, average), 7)
        ...  for average in AVERAGES]
        [0.7045455, 0.6833333]
    """
    hits, misses = np.cumsum(true), np.cumsum(false)
    recall = hits / num_gt if num_gt else np.full(len(hits), np.nan)
    # Nothing but difficult objects was found so far: 0 / 0 is taken as 0.
    precision = hits / np.maximum(hits + misses, np.finfo(float).eps)
    if average == '11points':
        # The float range of the published programs: three of its thresholds
        # are a little more than k / 10, so that a recall of exactly .6 does
        # not reach the one of .6.
        at = [precision[recall >= t] for t in np.arange(0.0, 1.1, 0.1)]
        return float(sum(p.max() for p in at if len(p)) / 11)
    recall = np.concatenate([[0.0], recall, [1.0]])
    best = np.maximum.accumulate(
        np.concatenate([[0.0], precision, [0.0]])[::-1])[::-1]
    steps = np.flatnonzero(recall[1:] != recall[:-1])
    return float(((recall[steps + 1] - recall[steps]) * best[steps + 1]).sum())
