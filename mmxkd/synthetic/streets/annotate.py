"""KITTI labels of a scene, from its geometry and its rendered surfaces."""
from dataclasses import replace

import numpy as np

from mmxkd.synthetic.sensors.camera import Camera
from mmxkd.synthetic.sensors.polygons import polygons_of
from mmxkd.synthetic.sensors.raster import GBuffer
from mmxkd.synthetic.worlds.boxes import box_of
from mmxkd.synthetic.worlds.scene import Scene, SceneObject

from .rig import BASELINE

CLASSES = {
    'car': 'Car', 'hatchback': 'Car', 'van': 'Van', 'lorry': 'Truck',
    'pedestrian': 'Pedestrian', 'sitter': 'Person_sitting',
    'cyclist': 'Cyclist'
}
"""KITTI's class of each kind of object."""
OCCLUSION = ((.85, 0), (.5, 1), (.2, 2), (.05, 3))
"""Least visible share of an object and its level: fully visible, partly and
largely occluded, unknown. What is less visible has no label."""
MIN_HEIGHT = 10.0
"""Pixels of the written image below which an object is DontCare."""
MAX_DISTANCE = 60.0
"""Metres beyond which an object is DontCare."""
MAX_TRUNCATED = 0.9
"""Share of its box outside of the image from which on it has no label."""
_DONT_CARE = dict(name='DontCare', truncated=-1.0, occluded=-1, alpha=-10.0,
                  bbox=None, dimensions=(-1.0, ) * 3, location=(-1000.0, ) * 3,
                  rotation_y=-10.0)


def annotate_kitti(scene: Scene, surfaces: GBuffer,
                   camera: Camera) -> dict[str, list]:
    """Label the objects of a scene.

    Args:
        scene (Scene): The scene, in the frame of camera 2.
        surfaces (GBuffer): Its surfaces as seen by ``camera``.
        camera (Camera): Camera 2.

    Returns:
        dict[str, list]: A column for each field of a label file: ``name``,
        ``truncated`` (share of the 2-D box outside of the image),
        ``occluded`` (see :data:`OCCLUSION`), ``alpha``, ``bbox`` (around the
        silhouette, hidden parts included, clipped to 0..w-1 and 0..h-1),
        ``dimensions`` (h, w, l), ``location`` (centre of the bottom face in
        the rectified frame of camera 0), ``rotation_y``.
    """
    seen = np.bincount(surfaces.instance.ravel(),
                       minlength=len(scene.objects) + 1)
    labels = []
    for number, thing in enumerate(scene.objects, start=1):
        area = surfaces.areas[number - 1]
        if thing.kind not in CLASSES or area == 0:
            continue
        row = _label(thing, seen[number] / area, camera)
        if row is not None:
            labels.append((row['name'] == 'DontCare', thing.distance, row))
    # As in the real files, what does not count comes last.
    labels.sort(key=lambda label: label[:2])
    return {key: [row[key] for _, _, row in labels] for key in _DONT_CARE}


def _label(thing: SceneObject, visible: float, camera: Camera) -> dict | None:
    low, high = silhouette(thing, camera)
    last = np.array(camera.size) - 1
    clipped = np.clip([low, high], 0, last)
    extent = clipped[1] - clipped[0]
    truncated = 1 - extent.prod() / (high - low).prod()
    level = next((level for least, level in OCCLUSION if visible >= least),
                 None)
    if level is None or extent.min() < 1 or truncated > MAX_TRUNCATED:
        return None
    bbox = tuple(np.round(clipped.ravel(), 2).tolist())
    if extent[1] < MIN_HEIGHT or thing.distance > MAX_DISTANCE:
        return {**_DONT_CARE, 'bbox': bbox}
    box = box_of(thing)
    location = box.bottom - BASELINE
    # KITTI's angle is 0 where the length lies along x, ours where along z.
    rotation = _wrap(box.yaw - np.pi / 2)
    alpha = _wrap(rotation - np.arctan2(location[0], location[2]))
    return dict(name=CLASSES[thing.kind], truncated=round(float(truncated), 2),
                occluded=level, alpha=round(alpha, 4), bbox=bbox,
                dimensions=tuple(round(v, 3) for v in box.size),
                location=tuple(np.round(location, 3).tolist()),
                rotation_y=round(rotation, 4))


def silhouette(thing: SceneObject,
               camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Left upper and right lower corner of what an object covers, (2, )
    pixels, also where that lies outside of the image.
    """
    # A camera with an image so wide that nothing falls out of it.
    (width, height), (x, y) = camera.size, camera.centre
    margin = 20 * width
    wide = replace(camera, size=(width + 2 * margin, height + 2 * margin),
                   centre=(x + margin, y + margin))
    (polygons, ) = polygons_of([thing], wide)
    outline = np.concatenate([p.outline for p in polygons]) - margin
    return outline.min(0), outline.max(0)


def _wrap(angle: float) -> float:
    """To -pi..pi."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
