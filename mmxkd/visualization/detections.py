"""Detections of several models side by side."""
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from mmxkd.evaluation.functional.box_overlaps import box_iou

from .grid import picture_grid

# Distinct also to colour-blind eyes (Okabe and Ito), and on grey.
TRUTH, FOUND, WRONG = '#56B4E9', '#F0E442', '#D55E00'
_LEGEND = ((TRUTH, False, 'ground truth'), (FOUND, False, 'found'),
           (TRUTH, True, 'missed'), (WRONG, False, 'wrong'))


@dataclass
class Panel:
    """One picture of a comparison.

    Attributes:
        title: Stands above it.
        image: (H, W, 3) uint8 RGB, or (H, W) uint8 grey.
        truth: (N, 4) xyxy in pixels of the image.
        boxes: (M, 4) detections; None: the panel shows the truth.
        scores: (M,) scores of the detections.
    """

    title: str
    image: np.ndarray
    truth: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    boxes: np.ndarray | None = None
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))


def match_detections(boxes: np.ndarray, scores: np.ndarray, truth: np.ndarray,
                     iou: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Match detections to objects, best scores first.

    Args:
        boxes (np.ndarray): (M, 4) xyxy.
        scores (np.ndarray): (M,).
        truth (np.ndarray): (N, 4) xyxy.
        iou (float): Least overlap of a match.

    Returns:
        tuple[np.ndarray, np.ndarray]: (M,) bool, which detections are right,
        and (N,) bool, which objects were found.

    Examples:
        >>> twice = np.array([[0, 0, 10, 10], [0, 0, 10, 9]], float)
        >>> match_detections(twice, np.array([0.6, 0.9]), twice[:1])
        (array([False,  True]), array([ True]))
    """
    right = np.zeros(len(boxes), bool)
    found = np.zeros(len(truth), bool)
    if len(boxes) and len(truth):
        overlaps = box_iou(boxes, truth)
        for i in np.argsort(-scores, kind='stable'):
            free = np.where(found, -1.0, overlaps[i])
            best = int(free.argmax())
            if free[best] >= iou:
                right[i] = found[best] = True
    return right, found


def compare_detections(panels: Sequence[Panel], title: str = '',
                       columns: int | None = None,
                       width: float = 16.0) -> np.ndarray:
    """Draw panels in a grid.

    Args:
        panels (Sequence[Panel]): Row by row.
        title (str): Stands above all.
        columns (int, optional): Panels a row. Default: 4 to 6, so that the
            fewest places stay empty.
        width (float): Of the picture, in units of 100 pixels.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    legend = [
        Line2D([], [], color=c, label=label, lw=2, dashes=(1, 2) if dotted else
               (None, None)) for c, dotted, label in _LEGEND
    ]
    return picture_grid(panels, _draw, legend, title, columns
                        or _columns(len(panels)), width, title_size=12,
                        legend_columns=len(_LEGEND))


def _columns(panels: int) -> int:
    if panels <= 4:
        return panels
    return min((4, 5, 6), key=lambda columns: -panels % columns)


def _draw(axis, panel: Panel) -> None:
    if panel.boxes is None:
        for box in panel.truth:
            _rectangle(axis, box, TRUTH)
        return
    right, found = match_detections(panel.boxes, panel.scores, panel.truth)
    for box in panel.truth[~found]:
        _rectangle(axis, box, TRUTH, ':')
    for box, score, is_right in zip(panel.boxes, panel.scores, right,
                                    strict=True):
        colour = FOUND if is_right else WRONG
        _rectangle(axis, box, colour)
        axis.text(box[0], box[1] - 2, f'{score:.2f}', color=colour, fontsize=8,
                  clip_on=True)


def _rectangle(axis, box: np.ndarray, colour: str, style: str = '-') -> None:
    axis.add_patch(
        Rectangle((box[0], box[1]), *(box[2:] - box[:2]), fill=False, lw=1.5,
                  edgecolor=colour, linestyle=style))
