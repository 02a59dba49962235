"""A frame of a drive on one sheet: three cameras, sound, and from above."""
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from .grid import picture_grid
from .sounds import spectrogram_colours
from .track_video import track_colour

RANGE = 60.0
"""Metres that the view from above reaches."""
_VIEW = np.deg2rad(40)
_WHITE = 255


@dataclass
class DriveFrame:
    """What there is of one frame.

    Attributes:
        rgb: (H, W, 3) uint8 RGB.
        thermal: (H, W) uint8 grey.
        depth: (H, W, 3) uint8 RGB, colours.
        spectrogram: (C, F, T) decibels.
        boxes: (N, 4) xyxy in pixels.
        ids: (N, ) of the vehicles; they choose the colour.
        places: (N, 2) metres to the right and ahead of the camera.
    """

    rgb: np.ndarray
    thermal: np.ndarray
    depth: np.ndarray
    spectrogram: np.ndarray
    boxes: np.ndarray
    ids: np.ndarray
    places: np.ndarray


class _Panel(NamedTuple):
    title: str
    image: np.ndarray
    boxes: np.ndarray
    places: np.ndarray | None
    ids: np.ndarray


def drive_sheet(frame: DriveFrame, title: str = '',
                width: float = 11.0) -> np.ndarray:
    """Draw all views of a frame with its boxes.

    Args:
        frame (DriveFrame): The frame.
        title (str): Stands above all.
        width (float): Of the sheet, in units of 100 pixels.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    height, length = frame.rgb.shape[:2]
    nothing = np.zeros((0, 4))
    microphones = len(frame.spectrogram)
    pictures = [('what a camera sees', frame.rgb),
                ('what a thermal camera sees', frame.thermal),
                ('disparity: near is red', frame.depth)]
    panels = [
        _Panel(name, image, frame.boxes, None, frame.ids)
        for name, image in pictures
    ]
    panels += [
        _Panel(name, _sound_picture(maps, height, length), nothing, None,
               frame.ids) for name, maps in ((
                   f'what {microphones} microphones hear, one strip each',
                   frame.spectrogram), ('the first of them alone, high '
                                        'notes above', frame.spectrogram[:1]))
    ]
    panels.append(
        _Panel(f'from above, {RANGE:g} m ahead',
               np.full((height, length), _WHITE, np.uint8), nothing,
               frame.places, frame.ids))
    return picture_grid(panels, _draw, [], title, 2, width, title_size=10,
                        legend_columns=1)


def _sound_picture(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Spectrograms (C, F, T) in the size of the cameras' pictures."""
    picture = spectrogram_colours(maps)
    rows = np.linspace(0, len(picture) - 1, height).round().astype(int)
    columns = np.linspace(0, picture.shape[1] - 1, width).round().astype(int)
    return picture[rows][:, columns]


def _draw(axis, panel: _Panel) -> None:
    axis.set_autoscale_on(False)
    for box, number in zip(panel.boxes, panel.ids, strict=False):
        axis.add_patch(
            Rectangle(box[:2], *(box[2:] - box[:2]), fill=False, lw=1.5,
                      edgecolor=track_colour(number)))
    if panel.places is not None:
        _draw_from_above(axis, panel.image.shape, panel.places, panel.ids)


def _draw_from_above(axis, shape: tuple[int, ...], places: np.ndarray,
                     ids: np.ndarray) -> None:
    height, width = shape
    scale = height / RANGE
    for side in (-1, 1):
        reach = RANGE * np.tan(_VIEW) * scale
        axis.plot((width / 2, width / 2 + side * reach), (height, 0),
                  color='grey', lw=.8, ls='--')
    for metres in range(10, int(RANGE) + 1, 10):
        axis.axhline(height - metres * scale, color='lightgrey', lw=.6,
                     zorder=0)
        axis.text(2, height - metres * scale - 1, f'{metres} m', fontsize=7,
                  color='grey')
    for (x, z), number in zip(places, ids, strict=True):
        axis.plot(width / 2 + x * scale, height - z * scale, 's',
                  color=track_colour(number), ms=9, mec='black', mew=.6,
                  clip_on=True)
    axis.plot(width / 2, height - 3, '^', color='black', ms=9)
