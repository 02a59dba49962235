"""The true boxes of the vehicles that a camera sees."""
from dataclasses import dataclass

import numpy as np

from mmxkd.synthetic.sensors.camera import Camera
from mmxkd.synthetic.sensors.raster import GBuffer
from mmxkd.synthetic.streets.annotate import silhouette
from mmxkd.synthetic.worlds.scene import Scene

from .traffic import Vehicle

MIN_VISIBLE = 0.25
"""Share of a vehicle's silhouette in the picture that nothing may hide."""
MAX_TRUNCATED = 0.7
"""Share of its box that may lie outside of the picture."""
MIN_SIDE = 6.0
"""Pixels that each side of a box has at least, at a scale of 0.25."""


@dataclass(frozen=True)
class TrueBox:
    """A vehicle in a picture.

    Attributes:
        number: Of the vehicle in its drive.
        kind: ``'car'``, ``'hatchback'``, ``'van'`` or ``'lorry'``.
        box: x1, y1, x2, y2 around its silhouette, hidden parts included,
            clipped to the picture; pixels.
        visible: Share of the silhouette in the picture that is not hidden.
        truncated: Share of the box outside of the picture.
        place: x and z of its middle in the car's frame, metres.
        sound_level: dB SPL at 1 m.
    """

    number: int
    kind: str
    box: tuple[float, float, float, float]
    visible: float
    truncated: float
    place: tuple[float, float]
    sound_level: float


def annotate_drive(scene: Scene, vehicles: dict[int, Vehicle],
                   surfaces: GBuffer, camera: Camera) -> list[TrueBox]:
    """Boxes of the vehicles of a scene, by their number.

    Args:
        scene (Scene): The scene.
        vehicles (dict[int, Vehicle]): By the place in ``scene.objects``.
        surfaces (GBuffer): What the camera sees of it.
        camera (Camera): The camera.
    """
    seen = np.bincount(surfaces.instance.ravel(),
                       minlength=len(scene.objects) + 1)
    boxes = []
    for place, vehicle in vehicles.items():
        area = surfaces.areas[place]
        if not area or seen[place + 1] < MIN_VISIBLE * area:
            continue
        thing = scene.objects[place]
        low, high = silhouette(thing, camera)
        clipped = np.clip([low, high], 0, camera.size)
        extent = clipped[1] - clipped[0]
        truncated = 1 - extent.prod() / (high - low).prod()
        if (truncated > MAX_TRUNCATED
                or extent.min() < MIN_SIDE * camera.scale / .25):
            continue
        x1, y1, x2, y2 = np.round(clipped.ravel(), 2).tolist()
        x, _, z = np.round(thing.position, 3).tolist()
        boxes.append(
            TrueBox(vehicle.number, thing.kind, (x1, y1, x2, y2),
                    round(min(float(seen[place + 1] / area), 1.0), 3),
                    round(float(truncated), 3), (x, z),
                    round(vehicle.sound.level, 2)))
    return sorted(boxes, key=lambda box: box.number)
