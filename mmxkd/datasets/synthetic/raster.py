"""Rasteriser: what surface each pixel sees, before any light and sensor.

Painter's order (far to near); every part is a few polygons.
"""
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from .camera import Camera
from .scene import (CAMERA_HEIGHT, Capsule, Facet, Material, Road, Scene,
                    SceneObject)

SKY_DEPTH = 1.0e4
"""Depth of pixels that see the sky, metres."""
NIR_FULL = 2.0
"""Near-infrared reflectance that is stored as 255."""
TEXTURE_STREAM = 1
_SHIFT = 4  # fractional bits of OpenCV's polygon corners
_CIRCLE = np.linspace(0, 2 * np.pi, 13)[:-1]
_CIRCLE = np.column_stack([np.cos(_CIRCLE), np.sin(_CIRCLE)])
_STRIPS = (-1.0, -.6, -.2, .2, .6, 1.0)


@dataclass
class GBuffer:
    """Surfaces seen by the pixels of one camera.

    Attributes:
        albedo: (H, W, 4) float32, red, green, blue and NIR reflectance.
        normal: (H, W, 3) float32 unit vectors, world frame.
        depth: (H, W) float32 metres along z; :data:`SKY_DEPTH` for the sky.
        glow: (H, W) float32, own light in units of the albedo.
        instance: (H, W) int32; 1 + index into ``Scene.objects``, 0 elsewhere.
        outlines: For every object its amodal outline, (N, 2) pixels.
        areas: For every object its amodal area, pixels.
    """

    albedo: np.ndarray
    normal: np.ndarray
    depth: np.ndarray
    glow: np.ndarray
    instance: np.ndarray
    outlines: list[np.ndarray]
    areas: list[int]


def rasterize(scene: Scene, camera: Camera) -> GBuffer:
    """Draw a scene."""
    canvas = _Canvas(camera)
    canvas.draw_ground(scene.road)
    for thing in scene.backdrop:
        canvas.draw_object(thing, 0)
    shadow = scene.atmosphere.daytime == 'day'
    outlines, areas = [], []
    for number, thing in enumerate(scene.objects, start=1):
        if shadow:
            canvas.draw_shadow(thing)
        polygons = canvas.draw_object(thing, number)
        outlines.append(np.concatenate(polygons)
                        if polygons else np.zeros((0, 2)))
        areas.append(_union_area(polygons, camera.size)
                     if thing.label is not None else 0)
    return canvas.finish(scene.rng(TEXTURE_STREAM), outlines, areas)


def _union_area(polygons: list[np.ndarray], size: tuple[int, int]) -> int:
    """Pixels covered by any of the polygons, in the region they span."""
    if not polygons:
        return 0
    points = np.concatenate(polygons)
    low = np.clip(np.floor(points.min(0)).astype(int) - 1, 0, size)
    high = np.clip(np.ceil(points.max(0)).astype(int) + 1, 0, size)
    if np.any(high <= low):
        return 0
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [_fixed(polygon - low)], 1, cv2.LINE_8, _SHIFT)
    return int(np.count_nonzero(mask))


def _fixed(polygon: np.ndarray) -> np.ndarray:
    # OpenCV counts from the centre of the first pixel.
    return np.round((polygon - .5) * (1 << _SHIFT)).astype(np.int32)


@lru_cache(maxsize=4)
def _ground_grid(camera: Camera) -> tuple[int, np.ndarray, np.ndarray]:
    """First row below the horizon, and x, z of the ground seen there."""
    columns, rows = camera.rays()
    first = int(np.argmax(rows > CAMERA_HEIGHT / 400.0))
    z = np.repeat((CAMERA_HEIGHT / rows[first:])[:, None], len(columns), 1)
    return first, (z * columns).astype(np.float32), z.astype(np.float32)


class _Canvas:
    """The layers while they are drawn; OpenCV fills at most 4 channels."""

    def __init__(self, camera: Camera) -> None:
        width, height = camera.size
        self.camera = camera
        self.albedo = np.zeros((height, width, 4), np.uint8)
        self.albedo[:] = (150, 165, 185, 0)
        self.normal = np.full((height, width, 3), 128, np.uint8)
        self.data = np.zeros((height, width, 3), np.float32)
        self.data[..., 0] = SKY_DEPTH

    def draw_ground(self, road: Road) -> None:
        """Carriageway with lines, pavements and grass."""
        first, x, z = _ground_grid(self.camera)
        values = np.empty((*x.shape, 4), np.uint8)
        values[:] = (36, 52, 24, 70)
        asphalt = int(255 * road.asphalt)
        paved = (x > road.left - road.sidewalk) & (x < road.right
                                                   + road.sidewalk)
        values[paved] = (82, 80, 76, 38)
        lane = (x > road.left) & (x < road.right)
        values[lane] = (asphalt, asphalt, asphalt, 22)
        middle = road.left / 2 + road.right / 2 - .8
        dash = (np.abs(x - middle) < .08) & ((z + road.dash_phase) % 9 < 4)
        edge = np.minimum(np.abs(x - road.left - .25),
                          np.abs(x - road.right + .25)) < .07
        values[dash | edge] = (170, 170, 165, 130)
        kerb = np.minimum(np.abs(x - road.left),
                          np.abs(x - road.right)) < .1
        values[kerb] = (110, 108, 104, 60)
        self.albedo[first:] = values
        self.normal[first:] = (128, 0, 128)
        self.data[first:, :, 0] = z

    def draw_shadow(self, thing: SceneObject) -> None:
        """The dark spot on the ground under a thing, by overcast light."""
        _, width, length = thing.size
        forward = np.array([np.sin(thing.yaw), np.cos(thing.yaw)])
        right = np.array([forward[1], -forward[0]])
        flat = (.62 * width * _CIRCLE[:, :1] * right
                + .58 * length * _CIRCLE[:, 1:] * forward)
        points = np.column_stack([
            thing.position[0] + flat[:, 0],
            np.full(len(flat), CAMERA_HEIGHT),
            np.maximum(thing.position[2] + flat[:, 1], 1.0)])
        polygon = _fixed(self.camera.project(points))
        dark = Material((.04, .04, .045), .16)
        cv2.fillPoly(self.albedo, [polygon], _albedo_value(dark),
                     cv2.LINE_AA, _SHIFT)

    def draw_object(self, thing: SceneObject,
                    number: int) -> list[np.ndarray]:
        """Draw all parts; returns their outlines in pixels."""
        polygons = []
        for part in thing.parts:
            if isinstance(part, Capsule):
                polygons.append(self._draw_capsule(part, number))
            elif np.dot(part.normal, part.points.mean(0)) < 0:
                polygons.append(self._draw_facet(part, number))
        return polygons

    def _fill(self, polygon: np.ndarray, material: Material,
              normal: np.ndarray, depth: float, number: int) -> None:
        corners = [_fixed(polygon)]
        cv2.fillPoly(self.albedo, corners, _albedo_value(material),
                     cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(self.normal, corners, _normal_value(normal),
                     cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self.data, corners, (depth, number, material.glow),
                     cv2.LINE_8, _SHIFT)

    def _draw_facet(self, facet: Facet, number: int) -> np.ndarray:
        polygon = self.camera.project(facet.points)
        z = facet.points[:, 2]
        self._fill(polygon, facet.material, facet.normal, float(z.mean()),
                   number)
        if z.max() - z.min() > 1.0:
            self._slope_depth(polygon, facet)
        return polygon

    def _slope_depth(self, polygon: np.ndarray, facet: Facet) -> None:
        """Give every pixel of a long facet the depth of its own ray."""
        low = np.clip(np.floor(polygon.min(0)).astype(int), 0,
                      self.camera.size)
        high = np.clip(np.ceil(polygon.max(0)).astype(int) + 1, 0,
                       self.camera.size)
        if np.any(high <= low):
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        cv2.fillPoly(mask, [_fixed(polygon - low)], 1, cv2.LINE_8, _SHIFT)
        columns, rows = self.camera.rays()
        slope = (facet.normal[0] * columns[low[0]:high[0]]
                 + facet.normal[1] * rows[low[1]:high[1], None]
                 + facet.normal[2])
        # Seen from the front, so the slope is negative inside the polygon.
        depth = (facet.normal @ facet.points[0]) / np.minimum(slope, -1e-6)
        depth = np.clip(depth, facet.points[:, 2].min(),
                        facet.points[:, 2].max())
        region = self.data[low[1]:high[1], low[0]:high[0], 0]
        np.copyto(region, depth.astype(np.float32), where=mask.astype(bool))

    def _draw_capsule(self, capsule: Capsule, number: int) -> np.ndarray:
        ends = np.stack([capsule.start, capsule.end])
        centres = self.camera.project(ends)
        z = np.maximum(ends[:, 2], .5)
        radii = np.asarray(capsule.radii) * self.camera.focal / z
        outline = np.concatenate([centres[0] + radii[0] * _CIRCLE,
                                  centres[1] + radii[1] * _CIRCLE])
        outline = cv2.convexHull(outline.astype(np.float32))[:, 0]
        axis = centres[1] - centres[0]
        length = np.hypot(*axis)
        axis = axis / length if length > 1e-6 else np.array([0.0, 1.0])
        side = np.array([-axis[1], axis[0]])
        depth = float(z.mean())
        self._fill(outline, capsule.material, np.array([0, -.2, -.98]), depth,
                   number)
        if radii.max() < 1.5:
            return outline
        for t0, t1 in zip(_STRIPS, _STRIPS[1:], strict=False):
            middle = (t0 + t1) / 2
            bulge = np.sqrt(1 - middle**2)
            caps = radii[:, None] * bulge * axis
            low, high = centres[0] - caps[0], centres[1] + caps[1]
            strip = np.stack([low + t0 * radii[0] * side,
                              low + t1 * radii[0] * side,
                              high + t1 * radii[1] * side,
                              high + t0 * radii[1] * side])
            normal = (middle * side[0], middle * side[1], -bulge)
            cv2.fillPoly(self.normal, [_fixed(strip)], _normal_value(normal),
                         cv2.LINE_8, _SHIFT)
        return outline

    def finish(self, rng: np.random.Generator, outlines: list[np.ndarray],
               areas: list[int]) -> GBuffer:
        """Unpack the layers and give the surfaces some grain."""
        width, height = self.camera.size
        grain = np.zeros((height, width), np.float32)
        for cells, amount in ((2, .05), (8, .06), (40, .07)):
            coarse = rng.standard_normal(
                (height // cells + 2, width // cells + 2), dtype=np.float32)
            grain += amount * cv2.resize(coarse, (width, height),
                                         interpolation=cv2.INTER_LINEAR)
        factor = np.array([1, 1, 1, NIR_FULL], np.float32) / 255
        albedo = self.albedo * factor * np.clip(1 + grain, .5, 1.5)[..., None]
        normal = (self.normal.astype(np.float32) - 128) / 127
        return GBuffer(albedo, normal, self.data[..., 0], self.data[..., 2],
                       self.data[..., 1].astype(np.int32), outlines, areas)


def _albedo_value(material: Material) -> tuple[int, ...]:
    red, green, blue = material.albedo
    return tuple(min(int(255 * v + .5), 255) for v in (
        red, green, blue, material.nir / NIR_FULL))


def _normal_value(normal: np.ndarray) -> tuple[int, ...]:
    return tuple(int(128 + 127 * n) for n in normal)
