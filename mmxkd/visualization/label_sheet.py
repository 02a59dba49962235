"""Labels of many frames on one sheet."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from .grid import picture_grid

# Distinct also to colour-blind eyes (Okabe and Ito), and on grey.
COLOURS = ('#F0E442', '#56B4E9', '#D55E00', '#009E73', '#CC79A7', '#E69F00',
           '#0072B2')


class LabelledPicture(NamedTuple):
    """One picture of a sheet.

    Attributes:
        title: Stands above it.
        image: (H, W, 3) uint8 RGB, or (H, W) uint8 grey.
        boxes: (N, 4) xyxy in pixels of the image.
        scores: (N, ), 0 to 1.
        labels: (N, ) numbers of the classes.
    """

    title: str
    image: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def label_sheet(pictures: Sequence[LabelledPicture], classes: Sequence[str],
                title: str = '', columns: int = 4,
                width: float = 16.0) -> np.ndarray:
    """Draw pictures with their labels in a grid, a colour for each class.

    Args:
        pictures (Sequence[LabelledPicture]): Row by row, at least one.
        classes (Sequence[str]): Their names.
        title (str): Stands above all.
        columns (int): Pictures per row.
        width (float): Of the sheet, in units of 100 pixels.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    legend = [
        Line2D([], [], color=_colour(k), lw=2, label=name)
        for k, name in enumerate(classes)
    ]
    return picture_grid(pictures, _draw, legend, title, columns, width,
                        title_size=10, legend_columns=min(len(classes), 8))


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)]


def _draw(axis, picture: LabelledPicture) -> None:
    for box, score, label in zip(picture.boxes, picture.scores, picture.labels,
                                 strict=True):
        colour = _colour(int(label))
        axis.add_patch(
            Rectangle((box[0], box[1]), *(box[2:] - box[:2]), fill=False,
                      lw=1.5, edgecolor=colour))
        axis.text(box[0], box[1] - 2, f'{score:.2f}', color=colour, fontsize=8,
                  clip_on=True)
