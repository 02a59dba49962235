"""Rasteriser: what surface each pixel sees, before any light and sensor.

Painter's order, from far to near.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mmxkd.synthetic.worlds.ground import (
    GROUND_TEMPERATURE,
    ground_kinds,
    ground_palette,
)
from mmxkd.synthetic.worlds.scene import (
    Facet,
    Material,
    Road,
    Scene,
    SceneObject,
)

from .camera import Camera
from .polygons import (
    NIR_FULL,
    SHIFT,
    Polygon,
    albedo_value,
    fixed_point,
    polygons_of,
)

SKY_DEPTH = 1.0e4
"""Depth of pixels that see the sky, metres."""
SKY_TEMPERATURE = -20.0
"""Degrees Celsius that a thermal camera sees there."""
TEXTURE_STREAM = 1
# The farthest ground, so that no ray runs beside the horizon for ever.
_FARTHEST = 400.0
# Grain of the surfaces: cell in pixels of the official image, strength.
_GRAIN = ((8, .05), (32, .06), (160, .07))
_SHADOW = Material((.04, .04, .045), .16)
_CIRCLE = np.linspace(0, 2 * np.pi, 13)[:-1]
_CIRCLE = np.column_stack([np.cos(_CIRCLE), np.sin(_CIRCLE)])


@dataclass
class GBuffer:
    """Surfaces seen by the pixels of one camera.

    Attributes:
        albedo: (H, W, 4) float32, red, green, blue and NIR reflectance.
        normal: (H, W, 3) float32 unit vectors, world frame.
        depth: (H, W) float32 metres along z; :data:`SKY_DEPTH` for the sky.
        glow: (H, W) float32, own light in units of the albedo.
        temperature: (H, W) float32, degrees Celsius.
        instance: (H, W) int32; 1 + index into ``Scene.objects``, 0 elsewhere.
        outlines: For every object the corners of its polygons, (N, 2)
            pixels, occluded ones too.
        areas: For every labelled object the pixels it would cover if nothing
            stood before it; 0 for the others.
    """

    albedo: np.ndarray
    normal: np.ndarray
    depth: np.ndarray
    glow: np.ndarray
    temperature: np.ndarray
    instance: np.ndarray
    outlines: list[np.ndarray]
    areas: list[int]


def rasterize(scene: Scene, camera: Camera) -> GBuffer:
    """Draw a scene."""
    canvas = _Canvas(camera)
    canvas.draw_ground(scene.road)
    for polygons in polygons_of(scene.backdrop, camera):
        canvas.draw(polygons, 0)
    shadow = scene.atmosphere.daytime == 'day'
    outlines, areas = [], []
    for number, (thing, polygons) in enumerate(
            zip(scene.objects, polygons_of(scene.objects, camera),
                strict=True), start=1):
        if shadow:
            canvas.draw_shadow(thing)
        canvas.draw(polygons, number)
        points = [p.outline for p in polygons] or [np.zeros((0, 2))]
        outlines.append(np.concatenate(points))
        areas.append(
            _union_area(polygons, camera.size) if thing.
            label is not None else 0)
    return canvas.finish(scene.rng(TEXTURE_STREAM), outlines, areas)


def _region(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Left, top, right, bottom of the whole pixels around some points."""
    return np.clip(
        np.concatenate(
            [np.floor(points.min(0)) - 1,
             np.ceil(points.max(0)) + 1]), 0, np.tile(size, 2)).astype(int)


def _mask(outlines: Sequence[np.ndarray], region: np.ndarray) -> np.ndarray:
    """Pixels of a region that lie in any of the polygons, uint8."""
    left, top, right, bottom = region
    mask = np.zeros((bottom - top, right - left), np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [fixed_point(outline - region[:2])], (1, ),
                     cv2.LINE_8, SHIFT)
    return mask


def _union_area(polygons: Sequence[Polygon], size: tuple[int, int]) -> int:
    if not polygons:
        return 0
    outlines = [polygon.outline for polygon in polygons]
    return int(
        np.count_nonzero(
            _mask(outlines, _region(np.concatenate(outlines), size))))


@lru_cache(maxsize=4)
def _ground_grid(camera: Camera) -> tuple[int, np.ndarray, np.ndarray]:
    """First row that sees ground, and x, z of the ground from there on."""
    columns, rows = camera.rays()
    first = int(np.argmax(rows > camera.height / _FARTHEST))
    z = np.repeat((camera.height / rows[first:])[:, None], len(columns), 1)
    return first, (z * columns).astype(np.float32), z.astype(np.float32)


class _Canvas:
    """The layers while they are drawn; OpenCV fills at most 4 channels."""

    def __init__(self, camera: Camera) -> None:
        width, height = camera.size
        self.camera = camera
        self.albedo = np.zeros((height, width, 4), np.uint8)
        self.albedo[:] = (150, 165, 185, 0)
        self.normal = np.full((height, width, 3), 128, np.uint8)
        # Depth, object number, glow, temperature.
        self.data = np.zeros((height, width, 4), np.float32)
        self.data[:] = (SKY_DEPTH, 0, 0, SKY_TEMPERATURE)

    def draw_ground(self, road: Road) -> None:
        """Carriageway with lines, pavements and grass."""
        first, x, z = _ground_grid(self.camera)
        self.albedo[first:] = ground_palette(road)[ground_kinds(road, x, z)]
        self.normal[first:] = (128, 0, 128)
        self.data[first:, :, 0] = z
        self.data[first:, :, 3] = GROUND_TEMPERATURE

    def draw_shadow(self, thing: SceneObject) -> None:
        """The dark spot on the ground under a thing by daylight."""
        _, width, length = thing.size
        forward = np.array([np.sin(thing.yaw), np.cos(thing.yaw)])
        right = np.array([forward[1], -forward[0]])
        flat = (.62 * width * _CIRCLE[:, :1] * right
                + .58 * length * _CIRCLE[:, 1:] * forward)
        points = np.column_stack([
            thing.position[0] + flat[:, 0],
            np.full(len(flat), self.camera.height),
            np.maximum(thing.position[2] + flat[:, 1], 1.0)
        ])
        cv2.fillPoly(self.albedo, [fixed_point(self.camera.project(points))],
                     albedo_value(_SHADOW), cv2.LINE_AA, SHIFT)

    def draw(self, polygons: Sequence[Polygon], number: int) -> None:
        """Draw an object; ``number`` goes to the instance layer."""
        for polygon in polygons:
            corners = [fixed_point(polygon.outline)]
            cv2.fillPoly(self.albedo, corners, albedo_value(polygon.material),
                         cv2.LINE_AA, SHIFT)
            cv2.fillPoly(self.data, corners,
                         (polygon.depth, number, polygon.material.glow,
                          polygon.material.temperature), cv2.LINE_8, SHIFT)
            cv2.fillPoly(self.normal, corners, polygon.normal, cv2.LINE_8,
                         SHIFT)
            for strip, normal in polygon.strips:
                cv2.fillPoly(self.normal, [strip], normal, cv2.LINE_8, SHIFT)
            if polygon.slope is not None:
                self._slope_depth(polygon.outline, polygon.slope)

    def _slope_depth(self, outline: np.ndarray, facet: Facet) -> None:
        """Give every pixel of a long facet the depth of its own ray."""
        region = _region(outline, self.camera.size)
        left, top, right, bottom = region
        columns, rows = self.camera.rays()
        slope = (facet.normal[0] * columns[left:right]
                 + facet.normal[1] * rows[top:bottom, None] + facet.normal[2])
        # Seen from the front, so the slope is negative inside the polygon.
        depth = (facet.normal @ facet.points[0]) / np.minimum(slope, -1e-6)
        ends = facet.points[:, 2]
        depth = np.clip(depth, ends.min(), ends.max()).astype(np.float32)
        inside = _mask([outline], region).astype(bool)
        np.copyto(self.data[top:bottom, left:right, 0], depth, where=inside)

    def finish(self, rng: np.random.Generator, outlines: list[np.ndarray],
               areas: list[int]) -> GBuffer:
        """Unpack the layers and give the surfaces some grain."""
        width, height = self.camera.size
        grain = np.ones((height, width), np.float32)
        for official, strength in _GRAIN:
            cell = max(round(official * self.camera.scale), 1)
            coarse = rng.standard_normal(
                (height // cell + 2, width // cell + 2), dtype=np.float32)
            grain += strength * cv2.resize(coarse, (width, height),
                                           interpolation=cv2.INTER_LINEAR)
        np.clip(grain, .5, 1.5, out=grain)
        albedo = np.empty((height, width, 4), np.float32)
        for channel, full in enumerate((1, 1, 1, NIR_FULL)):
            albedo[..., channel] = self.albedo[..., channel] * (
                grain * np.float32(full / 255))
        normal = self.normal * np.float32(1 / 127) - np.float32(128 / 127)
        return GBuffer(albedo, normal, self.data[..., 0].copy(),
                       self.data[..., 2].copy(), self.data[..., 3].copy(),
                       self.data[..., 1].astype(np.int32), outlines, areas)
