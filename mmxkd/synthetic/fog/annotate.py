"""Labels of a scene in both camera frames."""

import numpy as np

from mmxkd.formats.stf.alignment import (
    GATED_SIZE,
    LEFT_SIZE,
    gated_to_left,
    scaling,
    transform_points,
)
from mmxkd.formats.stf.labels import StfLabel
from mmxkd.synthetic.sensors.camera import Camera, scaled_size
from mmxkd.synthetic.sensors.raster import GBuffer
from mmxkd.synthetic.worlds.scene import Scene, SceneObject

MIN_VISIBLE = 0.15
"""Share of an object's outline that must be unoccluded to be labelled."""
MAX_TRUNCATED = 0.8
"""Share of the box that may lie outside of the image."""


def annotate(scene: Scene, surfaces: GBuffer, camera: Camera,
             frame: str) -> list[StfLabel]:
    """Label the objects of a scene, near to far.

    Boxes are amodal (they go on behind an occluder) and clipped to the image;
    X, Y, Z is the centre of the object's foot in the gated camera's frame, in
    both label sets.

    Args:
        scene (Scene): The scene.
        surfaces (GBuffer): Its surfaces as seen by ``camera``.
        camera (Camera): The canvas around the gated image.
        frame (str): ``'gated'`` or ``'left'``.
    """
    seen = np.bincount(surfaces.instance.ravel(),
                       minlength=len(scene.objects) + 1)
    scale = camera.scale
    official = GATED_SIZE if frame == 'gated' else LEFT_SIZE
    labels = []
    for number, thing in enumerate(scene.objects, start=1):
        area = surfaces.areas[number - 1]
        if thing.label is None or area == 0:
            continue
        visible = min(seen[number] / area, 1.0)
        if visible < MIN_VISIBLE:
            continue
        outline = surfaces.outlines[number - 1] - camera.offset
        if frame == 'left':
            outline = transform_points(
                scaling(scale, scale) @ gated_to_left()
                @ scaling(1 / scale, 1 / scale), outline)
        label = _label(scene, thing, thing.label, outline, visible,
                       scaled_size(official, scale))
        if label is not None:
            labels.append(label)
    return labels[::-1]


def _label(scene: Scene, thing: SceneObject, name: str, outline: np.ndarray,
           visible: float, size: tuple[int, int]) -> StfLabel | None:
    low, high = outline.min(0), outline.max(0)
    clipped = np.concatenate([np.clip(low, 0, size), np.clip(high, 0, size)])
    extent = clipped[2:] - clipped[:2]
    if extent.min() <= 0:
        return None
    truncated = 1 - extent.prod() / (high - low).prod()
    if truncated > MAX_TRUNCATED:
        return None
    x, _, z = thing.position
    alpha = (thing.yaw - np.arctan2(x, z) + np.pi) % (2 * np.pi) - np.pi
    air = scene.atmosphere
    half = thing.yaw / 2
    sin, cos = round(float(np.sin(half)), 5), round(float(np.cos(half)), 5)
    return StfLabel(
        name=name,
        truncated=round(float(truncated), 2),
        occluded=0 if visible > .9 else 1 if visible > .5 else 2,
        alpha=round(float(alpha), 4),
        box=tuple(round(float(v), 2) for v in clipped),
        size=tuple(round(float(v), 3) for v in thing.size),
        location=tuple(round(float(v), 3) for v in thing.position),
        orient3d=round(float(thing.yaw), 4),
        rotation=(0.0, round(float(thing.yaw), 4), 0.0),
        quaternion=(0.0, sin, 0.0, cos),
        # Contrast below 5 % counts as invisible (Koschmieder); the LiDAR and
        # the radar are not simulated.
        visible=(bool(np.exp(-air.beta * z) > .05), bool(z < 110.0), None,
                 None))
