"""From the parts of a scene to polygons in the image, all at once."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmxkd.synthetic.worlds.scene import Capsule, Facet, Material, SceneObject

from .camera import Camera

SHIFT = 4
"""Fractional bits of the polygon corners that OpenCV fills."""
NIR_FULL = 2.0
"""Near-infrared reflectance that is stored as 255."""
# A long facet gets a depth per pixel, a short one that of its middle.
_LONG = 1.5
# Capsules below this radius in pixels have no visible roundness.
_ROUND = 2.5
_CAP = np.linspace(-np.pi / 2, np.pi / 2, 7)
_CAP = np.column_stack([np.cos(_CAP), np.sin(_CAP)])
_STRIPS = np.array([-1.0, -.6, -.2, .2, .6, 1.0])
_MIDDLE = (_STRIPS[1:] + _STRIPS[:-1]) / 2
_BULGE = np.sqrt(1 - _MIDDLE**2)


@dataclass(frozen=True, slots=True)
class Polygon:
    """One fill of the canvas.

    Attributes:
        outline: Corners, (N, 2) pixels.
        material: Its surface.
        normal: Encoded unit normal, 0..255 for -1..1.
        depth: Metres.
        strips: Lengthwise strips of a round part: corners in fixed point and
            encoded normal.
        slope: The facet, where the depth varies over it.
    """

    outline: np.ndarray
    material: Material
    normal: tuple[int, ...]
    depth: float
    strips: tuple[tuple[np.ndarray, tuple[int, ...]], ...] = ()
    slope: Facet | None = None


def fixed_point(polygon: np.ndarray) -> np.ndarray:
    """Corners as OpenCV fills them: it counts from the first pixel's centre.
    """
    return np.round((polygon - .5) * (1 << SHIFT)).astype(np.int32)


@lru_cache(maxsize=4096)
def albedo_value(material: Material) -> tuple[int, ...]:
    """Red, green, blue and NIR reflectance, 0..255."""
    red, green, blue = material.albedo
    return tuple(
        min(int(255 * v + .5), 255)
        for v in (red, green, blue, material.nir / NIR_FULL))


def _normal_values(normals: np.ndarray) -> np.ndarray:
    return (128 + 127 * normals).astype(np.int64)


def polygons_of(things: Sequence[SceneObject],
                camera: Camera) -> list[list[Polygon]]:
    """The polygons of every object, in drawing order.

    Facets that are turned away and parts outside of the image are left out.
    """
    parts = [part for thing in things for part in thing.parts]
    capsules = iter(
        _capsule_polygons(
            [part for part in parts if isinstance(part, Capsule)], camera))
    facets = iter(
        _facet_polygons([part for part in parts if isinstance(part, Facet)],
                        camera))
    drawn = []
    for thing in things:
        polygons = (next(capsules if isinstance(part, Capsule) else facets)
                    for part in thing.parts)
        drawn.append([polygon for polygon in polygons if polygon is not None])
    return drawn


def _inside(low: np.ndarray, high: np.ndarray, camera: Camera) -> np.ndarray:
    """Which bounding boxes touch the image."""
    return np.all((high > 0) & (low < camera.size), axis=-1)


def _capsule_polygons(capsules: Sequence[Capsule],
                      camera: Camera) -> list[Polygon | None]:
    if not capsules:
        return []
    ends = np.stack([[c.start, c.end] for c in capsules])
    depth = np.maximum(ends[..., 2], .5)
    centres = camera.project(ends.reshape(-1, 3)).reshape(-1, 2, 2)
    radii = np.array([c.radii for c in capsules]) * camera.focal / depth
    axis = centres[:, 1] - centres[:, 0]
    length = np.linalg.norm(axis, axis=1, keepdims=True)
    # A sphere has no axis; upright is as good as any.
    axis = np.where(length > 1e-6, axis / np.maximum(length, 1e-6), (0, 1))
    side = np.stack([-axis[:, 1], axis[:, 0]], axis=1)
    cap = _CAP[:, :1] * axis[:, None] + _CAP[:, 1:] * side[:, None]
    outlines = np.concatenate([
        centres[:, None, 1] + radii[:, 1, None, None] * cap,
        centres[:, None, 0] - radii[:, 0, None, None] * cap
    ], axis=1)

    reach = radii[:, :, None, None] * _BULGE[:, None] * axis[:, None, None]
    low = centres[:, 0, None] - reach[:, 0]
    high = centres[:, 1, None] + reach[:, 1]
    across = radii[:, :, None, None] * _STRIPS[:, None] * side[:, None, None]
    strips = fixed_point(
        np.stack([
            low + across[:, 0, :-1], low + across[:, 0, 1:],
            high + across[:, 1, 1:], high + across[:, 1, :-1]
        ], axis=2))
    normals = _normal_values(
        np.concatenate([
            _MIDDLE[:, None] * side[:, None],
            np.broadcast_to(-_BULGE[:, None], (len(capsules), 5, 1))
        ], axis=2))
    front = tuple(_normal_values(np.array([0, -.2, -.98])).tolist())
    shown = _inside(outlines.min(1), outlines.max(1), camera)
    is_round = radii.max(1) >= _ROUND
    return [
        Polygon(
            outlines[k], capsule.material, front, float(depth[k].mean()),
            tuple(zip(strips[k], map(tuple, normals[k].tolist()), strict=True))
            if is_round[k] else ()) if shown[k] else None
        for k, capsule in enumerate(capsules)
    ]


def _facet_polygons(facets: Sequence[Facet],
                    camera: Camera) -> list[Polygon | None]:
    if not facets:
        return []
    counts = np.array([len(f.points) for f in facets])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    points = np.concatenate([f.points for f in facets])
    pixels = camera.project(points)
    middle = np.add.reduceat(points, first) / counts[:, None]
    normals = np.stack([f.normal for f in facets])
    near = np.minimum.reduceat(points[:, 2], first)
    far = np.maximum.reduceat(points[:, 2], first)
    shown = _inside(np.minimum.reduceat(pixels, first),
                    np.maximum.reduceat(pixels, first), camera)
    shown &= np.sum(normals * middle, axis=1) < 0
    values = _normal_values(normals).tolist()
    return [
        Polygon(pixels[first[k]:first[k] + counts[k]], facet.material,
                tuple(values[k]), float(middle[k, 2]), slope=facet if far[k]
                - near[k] > _LONG else None) if shown[k] else None
        for k, facet in enumerate(facets)
    ]
