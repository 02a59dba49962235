"""All spatial modalities of a sample over each other."""
from collections.abc import Mapping

import cv2
import numpy as np

from mmxkd.modalities import MODALITIES

from .depth_colours import depth_overlay
from .modalities import draw_modality, grey_picture

#: RGB of the edges of each further modality.
EDGE_COLOURS = ((255, 0, 255), (0, 255, 255), (255, 140, 0), (0, 255, 0))
#: Share of the pixels that become edges.
_EDGE_SHARE = 0.04
#: A map in which more of the pixels have a value is not drawn as points.
_DENSE_SHARE = 0.25
#: Of the grey picture below, so that colours stand out.
_BRIGHTNESS = 0.7


def overlay_modalities(
        arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, list[str]]:
    """Draw modalities over the first of them, to see whether they fit.

    The first one is grey, stretched to what is there. Of each dense one, the
    edges are drawn in a colour: where they lie beside those of the grey
    picture, the two do not fit. Values of a sparse one are points coloured by
    distance, with the edges of the grey picture in white over them: depth
    jumps there.

    Args:
        arrays (Mapping[str, np.ndarray]): (H, W) or (H, W, C) of one height
            and width, by modality; at least one.

    Returns:
        tuple: (H, W, 3) uint8 RGB, and what is what, in words.

    Raises:
        ValueError: The sizes differ.
    """
    names = list(arrays)
    sizes = {name: array.shape[:2] for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f'modalities differ in height and width: {sizes}')
    first = names[0]
    below = picture_of(first, arrays[first])
    # Offset by 1: 0 would be no value.
    grey = grey_picture(below.astype(int) + 1)
    picture = np.round(grey * _BRIGHTNESS).astype(np.uint8)
    words = [f'{first}: grey']
    colours = iter(EDGE_COLOURS * len(names))
    points: list[str] = []
    lines: list[str] = []
    for name in names[1:]:
        (points if _is_sparse(name, arrays[name]) else lines).append(name)
    # Points first: they would hide edges.
    for name in points:
        values = arrays[name].reshape(sizes[name])
        picture = depth_overlay(picture, values.astype(np.float32), radius=0)
        words.append(f'{name}: points, near red, far blue')
    if points:
        picture[edges_of(below)] = 255
        words[0] += ', edges white'
    for name in lines:
        colour = next(colours)
        picture[edges_of(picture_of(name, arrays[name]))] = colour
        words.append(f'{name}: edges, {colour_name(colour)}')
    return picture, words


def colour_name(colour: tuple[int, int, int]) -> str:
    """What a colour of :data:`EDGE_COLOURS` is called."""
    return dict(
        zip(EDGE_COLOURS, ('magenta', 'cyan', 'orange', 'green'),
            strict=True))[colour]


def edges_of(picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: the strongest edges of an RGB picture.

    Noise is smoothed before. A picture without any edge has none.
    """
    grey = cv2.GaussianBlur(
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0),
        1.0)
    strength = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0),
                        cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    limit = np.quantile(strength, 1 - _EDGE_SHARE)
    return (strength >= limit) & (strength > 0)


def picture_of(name: str, array: np.ndarray) -> np.ndarray:
    """A packed modality as a picture, (H, W, 3) uint8 RGB.

    As :func:`.draw_modality`; colours that a pipeline has turned into floats
    or normalised are brought back to 0..255, and what nobody registered is
    drawn in grey.
    """
    modality = MODALITIES.get(name)
    if modality is None:
        # Also one of several cameras, e.g. 'img[1]'.
        modality = MODALITIES.get(name.partition('[')[0])
    if modality is None:
        return draw_modality('thermal', array)
    if modality.in_colour and array.dtype != np.uint8:
        array = _bytes(array)
    return draw_modality(modality.name, array)


def _bytes(colours: np.ndarray) -> np.ndarray:
    low, high = float(colours.min()), float(colours.max())
    if low < 0 or high > 255 or high <= 1:
        # Normalised: only its contrast is left.
        colours = (colours - low) * (255 / max(high - low, 1e-12))
    return np.round(colours).astype(np.uint8)


def _is_sparse(name: str, array: np.ndarray) -> bool:
    modality = MODALITIES.get(name)
    return (modality is not None and modality.drawn == 'depth'
            and np.count_nonzero(array) < _DENSE_SHARE * array.size)
