"""Tracks on pictures, and pictures as a GIF."""
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from .label_sheet import COLOURS

TRUTH = '#FFFFFF'
# Of a palette: what remains of 128 is for the pictures.
_OWN = (TRUTH, *COLOURS)
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


def encode_gif(pictures: Iterable[np.ndarray], seconds: float,
               samples: Sequence[np.ndarray] = ()) -> bytes:
    """Bytes of an animated GIF that goes on for ever.

    Args:
        pictures (Iterable[np.ndarray]): (H, W, 3) uint8 RGB, of one size;
            drawn one after the other, so that one at a time is in memory.
        seconds (float): That each is shown; a GIF counts in hundredths.
        samples (Sequence[np.ndarray]): A few of them, whose colours the
            palette of all has; by default, those of the first one. The
            colours of tracks are always there.

    Raises:
        ValueError: There is no picture, or sizes differ.
    """
    drawn = _of_one_size(pictures)
    try:
        first = next(drawn)
    except StopIteration:
        raise ValueError('expected pictures of one size, found none') from None
    palette = _palette(samples or [first])

    def encoded(picture: np.ndarray) -> Image.Image:
        return Image.fromarray(picture).quantize(palette=palette,
                                                 dither=Image.Dither.NONE)

    buffer = io.BytesIO()
    encoded(first).save(buffer, 'GIF', save_all=True,
                        append_images=map(encoded, drawn),
                        duration=max(round(100 * seconds), 2) * 10, loop=0,
                        optimize=False)
    return buffer.getvalue()


def _of_one_size(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    shape = None
    for picture in pictures:
        if shape not in (None, picture.shape):
            raise ValueError('expected pictures of one size, found '
                             f'{[shape, picture.shape]}')
        shape = picture.shape
        yield picture


def _palette(samples: Sequence[np.ndarray]) -> Image.Image:
    """One for all pictures: else colours flicker."""
    whole = Image.fromarray(np.concatenate(samples))
    palette = whole.quantize(128 - len(_OWN), Image.Quantize.MEDIANCUT,
                             dither=Image.Dither.NONE)
    own = [v for colour in _OWN for v in ImageColor.getrgb(colour)[:3]]
    palette.putpalette([*own, *(palette.getpalette() or [])])
    return palette
