"""The gated camera: three range-gated near-infrared slices, 10 bit.

A pulse of light and a delayed shutter see only a band of distances: the fog in
front of it does not come into the picture (Gruber et al., Gated2Depth, 2019).
"""

import numpy as np

from mmxkd.formats.stf.alignment import GATED_SIZE
from mmxkd.synthetic.worlds.difficulty import SceneDifficulty
from mmxkd.synthetic.worlds.scene import Scene

from .camera import Camera, scaled_size
from .raster import GBuffer

NOISE_STREAM = 3
MAX_COUNT = 1023
# Metres where each slice begins to rise, is full, begins to fall, has ended.
PROFILES: tuple[tuple[float, float, float, float], ...] = (
    (3.0, 8.0, 18.0, 32.0),
    (14.0, 26.0, 38.0, 54.0),
    (32.0, 46.0, 75.0, 110.0),
)
# Counts of a white surface that faces the camera, at full gate and 25 m.
_WHITE = 1300.0
# Left over of the fall with the squared distance, after the longer pulse
# trains of the farther slices.
_FALLOFF = 0.5

Corners = tuple[float, float, float, float]


def range_profile(depth: np.ndarray, corners: Corners) -> np.ndarray:
    """Trapezoid: share of the light of a slice by distance.

    Args:
        depth (np.ndarray): Metres, any shape.
        corners (tuple[float]): Begin of rise, full, begin of fall, end.

    Returns:
        np.ndarray: 0..1, the shape of ``depth``.

    Examples:
        >>> range_profile(np.array([2., 5.5, 10., 25., 40.]), PROFILES[0])
        array([0. , 0.5, 1. , 0.5, 0. ])
    """
    begin, full, fall, end = corners
    rise = (depth - begin) / (full - begin)
    drop = (end - depth) / (end - fall)
    return np.clip(np.minimum(rise, drop), 0, 1)


def render_gated(scene: Scene, surfaces: GBuffer, camera: Camera,
                 difficulty: SceneDifficulty) -> list[np.ndarray]:
    """The slices.

    Returns:
        list[np.ndarray]: (720 scale, 1280 scale) uint16, 0..1023, one a
        slice.
    """
    width, height = scaled_size(GATED_SIZE, camera.scale)
    left, top = camera.offset
    crop = np.s_[top:top + height, left:left + width]
    depth, normal = surfaces.depth[crop], surfaces.normal[crop]
    reflectance = surfaces.albedo[crop][..., 3]
    air = scene.atmosphere
    beta = air.beta * difficulty.gated_extinction
    # The laser sits at the camera: surfaces that face it are bright.
    facing = .25 + .75 * np.clip(-normal[..., 2], 0, 1)
    columns, _ = camera.rays()
    vignette = np.exp(-(columns[left:left + width] / .45)**2)
    active = (reflectance * facing * vignette *
              (25.0 / np.maximum(depth, 3.0))**_FALLOFF
              * np.exp(-2 * beta * depth))
    # The band-pass lets some daylight of 808 nm in, seen through the fog.
    daylight = .05 * max(air.sun) + .03 * (air.daytime == 'day')
    seen = np.exp(-air.beta * depth)
    passive = daylight * (reflectance * seen + .5 * (1 - seen))
    haze = difficulty.gated_backscatter * (1 - np.exp(-20 * air.beta))
    rng = scene.rng(NOISE_STREAM)
    slices = []
    for number, corners in enumerate(PROFILES):
        backscatter = haze / (1 + number)
        signal = _WHITE * (range_profile(depth, corners) * active + passive
                           + backscatter)
        sigma = np.sqrt(difficulty.gated_noise**2 + .8 * signal)
        noise = rng.standard_normal(signal.shape, dtype=np.float32)
        counts = signal + sigma * noise + 12.0
        slices.append(np.clip(counts + .5, 0, MAX_COUNT).astype(np.uint16))
    return slices
