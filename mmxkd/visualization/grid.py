"""Pictures in a grid, with one legend for all."""
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


class Picture(Protocol):
    """What has an image and a title of its own."""

    @property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, or (H, W) uint8 grey."""

    @property
    def title(self) -> str:
        """Stands above the image."""


P = TypeVar('P', bound=Picture)


def picture_grid(pictures: Sequence[P], draw: Callable[[Any, P], None],
                 legend: Sequence[Line2D], title: str, columns: int,
                 width: float, title_size: float,
                 legend_columns: int) -> np.ndarray:
    """Draw pictures of about one size, row by row.

    Args:
        pictures (Sequence): At least one; the first one's size counts.
        draw (Callable): Draws what belongs onto a picture, on its axes.
        legend (Sequence[Line2D]): Stands below all.
        title (str): Stands above all.
        columns (int): Pictures per row.
        width (float): Of the whole, in units of 100 pixels.
        title_size (float): Of each picture's title, in points.
        legend_columns (int): Entries of the legend in a row.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    rows = -(-len(pictures) // columns)
    height, length = pictures[0].image.shape[:2]
    figure = Figure(
        figsize=(width, rows *
                 (width / columns * height / length + 0.32) + 0.75),
        layout='constrained')
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(picture.image, cmap='gray', vmin=0, vmax=255,
                    interpolation='nearest')
        axis.set_title(shortened(picture.title, width / columns, title_size),
                       fontsize=title_size)
        draw(axis, picture)
    figure.suptitle(title, fontsize=13)
    figure.legend(handles=list(legend), loc='outside lower center',
                  ncols=legend_columns, frameon=False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def shortened(title: str, width: float, size: float) -> str:
    """A title of one line that fits above its picture; its end is kept.

    File names differ at their ends.

    Args:
        title (str): Of any length.
        width (float): Of the picture, inches.
        size (float): Of the letters, points.

    Examples:
        >>> shortened('drive_day_2020_04_30/fl_rgb_1588248000.jpg', 2, 9)
        '…0/fl_rgb_1588248000.jpg'
    """
    # A letter of the default font is about 0.65 times as wide as high.
    letters = int(width * 72 / (0.65 * size))
    return title if len(title) <= letters else '…' + title[1 - letters:]
