"""The RGB camera: sun, headlights, fog and sensor noise."""
from collections.abc import Sequence

import cv2
import numpy as np

from mmxkd.formats.stf.alignment import (
    LEFT_SIZE,
    gated_to_left,
    scaling,
    translation,
    warp_image,
)
from mmxkd.synthetic.worlds.difficulty import SceneDifficulty
from mmxkd.synthetic.worlds.scene import Atmosphere, Scene

from .camera import Camera, scaled_size
from .raster import SKY_DEPTH, GBuffer

NOISE_STREAM = 2
# Exposure time over that by day, and the radiance that becomes white.
EXPOSURE = {'day': (1.0, 1.25), 'night': (3.0, 0.5 / 3)}
_ADC_MAX = 4095
_TONE_CURVE = np.round(
    255 * (np.arange(_ADC_MAX + 1) / _ADC_MAX)**(1 / 2.2)).astype(np.uint8)


def apply_fog(radiance: np.ndarray, depth: np.ndarray, beta: float,
              airlight: Sequence[float]) -> np.ndarray:
    """Koschmieder's model, I = J t + A (1 - t) with t = exp(-beta d).

    Args:
        radiance (np.ndarray): J, (H, W, 3), linear.
        depth (np.ndarray): d, (H, W), metres.
        beta (float): Extinction coefficient, 1/m.
        airlight (Sequence[float]): A, red, green and blue, linear.

    Returns:
        np.ndarray: I, (H, W, 3) float32.

    Examples:
        >>> import numpy as np
        >>> lit = apply_fog(np.full((1, 1, 3), .2), np.full((1, 1), 50.),
        ...                 np.log(2) / 50, (1., 1., 1.))
        >>> bool(np.allclose(lit, .6))
        True
    """
    transmission = np.exp(np.float32(-beta) * np.asarray(depth, np.float32))
    foggy = np.empty(radiance.shape, np.float32)
    for channel in range(3):
        air = np.float32(airlight[channel])
        # J t + A (1 - t), with one product less.
        foggy[..., channel] = (radiance[..., channel] - air) * transmission
        foggy[..., channel] += air
    return foggy


def headlight_irradiance(camera: Camera, depth: np.ndarray, beta: float,
                         strength: float) -> np.ndarray:
    """Irradiance (H, W) of the own dipped beam; ``strength`` at 10 m."""
    columns, rows = (ray.astype(np.float32) for ray in camera.rays())
    # Dipped beam: most light below the horizon, some spill above.
    vertical = .12 + .88 / (1 + np.exp((-rows - .004) / .006))
    beam = np.exp(-(columns / .30)**2) * vertical[:, None]
    distance = np.maximum(depth, 4.0)
    # (10 / d)^1.6 exp(-beta d) in one exponential.
    fall = 1.6 * np.log(10.0 / distance) - np.float32(beta) * distance
    return (strength * beam * np.exp(fall)).astype(np.float32)


def lit_radiance(surfaces: GBuffer, camera: Camera,
                 atmosphere: Atmosphere) -> np.ndarray:
    """Radiance (H, W, 3) of the surfaces, linear, before the air."""
    normal, depth = surfaces.normal, surfaces.depth
    # Half of the sky is hidden from a wall, all of it from a ceiling.
    openness = np.float32(.6) - np.float32(.4) * normal[..., 1]
    openness[depth >= SKY_DEPTH] = 1
    shine = np.maximum(normal @ atmosphere.sun_direction.astype(np.float32), 0)
    glow = surfaces.glow
    if atmosphere.headlight:
        beam = headlight_irradiance(camera, depth, atmosphere.beta,
                                    atmosphere.headlight)
        facing = np.clip(-normal[..., 2], 0, 1)
        glow = glow + beam * (np.float32(.35) + np.float32(.65) * facing)
    radiance = np.empty((*depth.shape, 3), np.float32)
    for channel in range(3):
        light = (openness * np.float32(atmosphere.ambient[channel])
                 + shine * np.float32(atmosphere.sun[channel]) + glow)
        np.multiply(surfaces.albedo[..., channel], light,
                    out=radiance[..., channel])
    return radiance


def air_radiance(scene: Scene, surfaces: GBuffer,
                 camera: Camera) -> np.ndarray:
    """Radiance (H, W, 3) as it reaches the camera, linear: lit surfaces
    through the air, with halos around the lamps of a night."""
    air = scene.atmosphere
    radiance = apply_fog(lit_radiance(surfaces, camera, air), surfaces.depth,
                         air.beta, air.airlight)
    if air.daytime == 'night':
        radiance = _add_halos(radiance, surfaces, air.beta, camera.scale)
    return radiance


def photograph(scene: Scene, surfaces: GBuffer, camera: Camera,
               difficulty: SceneDifficulty) -> np.ndarray:
    """What ``camera`` takes: (H, W, 3) uint8, BGR."""
    return expose(air_radiance(scene, surfaces, camera),
                  scene.rng(NOISE_STREAM), scene.atmosphere.daytime,
                  difficulty)


def render_rgb(scene: Scene, surfaces: GBuffer, camera: Camera,
               difficulty: SceneDifficulty) -> np.ndarray:
    """The left camera's tone-mapped image.

    Returns:
        np.ndarray: (1024 scale, 1920 scale, 3) uint8, BGR.
    """
    scale = camera.scale
    radiance = air_radiance(scene, surfaces, camera)
    shift = translation(*camera.offset)
    to_canvas = (shift @ scaling(scale, scale) @ np.linalg.inv(gated_to_left())
                 @ scaling(1 / scale, 1 / scale))
    seen = warp_image(radiance, to_canvas, scaled_size(LEFT_SIZE, scale))
    return expose(seen, scene.rng(NOISE_STREAM), scene.atmosphere.daytime,
                  difficulty)


def _add_halos(radiance: np.ndarray, surfaces: GBuffer, beta: float,
               scale: float) -> np.ndarray:
    """Multiple scattering: lamps glow wider in denser fog."""
    lamps = np.where(surfaces.glow[..., None] > 1, np.minimum(radiance, 4.0),
                     0).astype(np.float32)
    if not lamps.any():
        return radiance
    height, width = surfaces.glow.shape
    # A halo is smooth: a quarter of the resolution holds it.
    small = cv2.resize(lamps, (width // 4, height // 4),
                       interpolation=cv2.INTER_AREA)
    sigma = (2.5 + 100.0 * beta) * scale
    small = cv2.GaussianBlur(small, (0, 0), max(sigma, .3))
    halo = cv2.resize(small, (width, height))
    return radiance + np.float32(.3 + 6 * beta) * halo


def expose(radiance: np.ndarray, rng: np.random.Generator, daytime: str,
           difficulty: SceneDifficulty) -> np.ndarray:
    """Shot and read noise, 12-bit conversion, tone curve, 8 bit.

    Args:
        radiance (np.ndarray): (H, W, 3) RGB, linear; 1 is white by day.
        rng (np.random.Generator): For the noise.
        daytime (str): ``'night'`` exposes longer and turns up the gain, and
            the noise with it.
        difficulty (SceneDifficulty): Full well and read noise.

    Returns:
        np.ndarray: (H, W, 3) uint8, BGR.
    """
    longer, white = EXPOSURE[daytime]
    electrons = radiance * np.float32(difficulty.rgb_full_well * longer)
    noise = rng.standard_normal(radiance.shape, dtype=np.float32)
    noise *= np.sqrt(electrons + np.float32(difficulty.rgb_read_noise**2))
    electrons += noise
    electrons *= np.float32(_ADC_MAX /
                            (white * longer * difficulty.rgb_full_well))
    counts = np.clip(electrons, 0, _ADC_MAX).astype(np.uint16)
    return _TONE_CURVE[counts[..., ::-1]]
