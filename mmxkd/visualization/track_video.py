"""Tracks on pictures, and pictures as a GIF."""
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from .label_sheet import COLOURS

TRUTH = '#FFFFFF'
_CAPTION = 14
_DASH = 6


def track_colour(number: int) -> str:
    """One colour for a track in all pictures."""
    return COLOURS[int(number) % len(COLOURS)]


def draw_tracks(image: np.ndarray, tracks: np.ndarray, truth: np.ndarray,
                trails: Mapping[int, Sequence[np.ndarray]] | None = None,
                caption: str = '', zoom: int = 2) -> np.ndarray:
    """Draw the tracks of one frame over its picture.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        tracks (np.ndarray): (N, 6 or more) id, x1, y1, x2, y2, score.
        truth (np.ndarray): (M, 4) true boxes, dashed.
        trails (Mapping, optional): Of each id the middles of its boxes so
            far, (2, ) pixels each.
        caption (str): Stands above the picture.
        zoom (int): Pixels for each one of the picture.

    Returns:
        np.ndarray: (zoom · H + 14, zoom · W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    big = Image.fromarray(image).resize((width * zoom, height * zoom),
                                        Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(big)
    for box in truth:
        _dashed(pen, box * zoom, TRUTH)
    for number, path in (trails or {}).items():
        if len(path) > 1:
            pen.line([tuple(point * zoom) for point in path],
                     fill=track_colour(number))
    for row in tracks:
        colour = track_colour(row[0])
        x1, y1, x2, y2 = (row[1:5] * zoom).tolist()
        pen.rectangle((x1, y1, x2, y2), outline=colour, width=2)
        pen.text((x1 + 3, y1 + 1), f'{int(row[0])} · {row[5]:.2f}',
                 fill=colour)
    sheet = Image.new('RGB', (big.width, big.height + _CAPTION))
    sheet.paste(big, (0, _CAPTION))
    ImageDraw.Draw(sheet).text((3, 1), caption, fill=TRUTH)
    return np.asarray(sheet)


def _dashed(pen: ImageDraw.ImageDraw, box: np.ndarray, colour: str) -> None:
    x1, y1, x2, y2 = box.tolist()
    for x in np.arange(x1, x2, 2 * _DASH).tolist():
        for y in (y1, y2):
            pen.line((x, y, min(x + _DASH, x2), y), fill=colour)
    for y in np.arange(y1, y2, 2 * _DASH).tolist():
        for x in (x1, x2):
            pen.line((x, y, x, min(y + _DASH, y2)), fill=colour)


def encode_gif(pictures: Sequence[np.ndarray], seconds: float) -> bytes:
    """Bytes of an animated GIF that goes on for ever.

    Args:
        pictures (Sequence[np.ndarray]): (H, W, 3) uint8 RGB, of one size.
        seconds (float): That each is shown; a GIF counts in hundredths.

    Raises:
        ValueError: There is no picture, or sizes differ.
    """
    if not pictures or len({p.shape for p in pictures}) > 1:
        raise ValueError(f'expected pictures of one size, found '
                         f'{sorted({p.shape for p in pictures})}')
    # One palette for all: else colours flicker.
    whole = Image.fromarray(np.concatenate(pictures))
    palette = whole.quantize(128, Image.Quantize.MEDIANCUT,
                             dither=Image.Dither.NONE)
    frames = [
        Image.fromarray(p).quantize(palette=palette, dither=Image.Dither.NONE)
        for p in pictures
    ]
    buffer = io.BytesIO()
    frames[0].save(buffer, 'GIF', save_all=True, append_images=frames[1:],
                   duration=max(round(100 * seconds), 2) * 10, loop=0,
                   optimize=False)
    return buffer.getvalue()
