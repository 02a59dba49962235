"""The RGB camera: sun, headlights, fog and sensor noise."""
import cv2
import numpy as np

from mmxkd.datasets.stf.alignment import (LEFT_SIZE, gated_to_left, scaling,
                                          translation, warp_image)

from .camera import Camera, scaled_size
from .difficulty import Difficulty
from .raster import SKY_DEPTH, GBuffer
from .scene import Atmosphere, Scene

NOISE_STREAM = 2
GAMMA = 2.2


def apply_fog(radiance: np.ndarray, depth: np.ndarray, beta: float,
              airlight: np.ndarray) -> np.ndarray:
    """Koschmieder's model, I = J t + A (1 - t) with t = exp(-beta d).

    Args:
        radiance (np.ndarray): J, (H, W, 3), linear.
        depth (np.ndarray): d, (H, W), metres.
        beta (float): Extinction coefficient, 1/m.
        airlight (np.ndarray): A, (3, ), linear.

    Returns:
        np.ndarray: I, (H, W, 3) float32.

    Examples:
        >>> import numpy as np
        >>> lit = apply_fog(np.full((1, 1, 3), .2), np.full((1, 1), 50.),
        ...                 np.log(2) / 50, np.array([1., 1., 1.]))
        >>> lit[0, 0].round(6).tolist()
        [0.6, 0.6, 0.6]
    """
    transmission = np.exp(-beta * depth, dtype=np.float32)[..., None]
    airlight = np.asarray(airlight, np.float32)
    return (radiance * transmission + airlight * (1 - transmission)).astype(
        np.float32)


def headlight_irradiance(camera: Camera, depth: np.ndarray, beta: float,
                         strength: float) -> np.ndarray:
    """Irradiance (H, W) of the own dipped beam; ``strength`` at 10 m."""
    columns, rows = camera.rays()
    # Dipped beam: most light below the horizon, some spill above.
    vertical = .12 + .88 / (1 + np.exp((-rows - .004) / .006))
    beam = np.exp(-(columns / .30)**2) * vertical[:, None]
    distance = np.maximum(depth, 4.0)
    return (strength * beam * (10.0 / distance)**1.6
            * np.exp(-beta * distance)).astype(np.float32)


def lit_radiance(surfaces: GBuffer, camera: Camera,
                 atmosphere: Atmosphere) -> np.ndarray:
    """Radiance (H, W, 3) of the surfaces, linear, before the air."""
    normal = surfaces.normal
    # Half of the sky is hidden from a wall, all of it from a ceiling.
    openness = .6 - .4 * normal[..., 1]
    light = openness[..., None] * np.array(atmosphere.ambient, np.float32)
    if any(atmosphere.sun):
        facing = np.maximum(
            normal @ atmosphere.sun_direction.astype(np.float32), 0)
        light = light + facing[..., None] * np.array(atmosphere.sun,
                                                     np.float32)
    if atmosphere.headlight:
        beam = headlight_irradiance(camera, surfaces.depth, atmosphere.beta,
                                    atmosphere.headlight)
        facing = .35 + .65 * np.clip(-normal[..., 2], 0, 1)
        light = light + (beam * facing)[..., None]
    colour = surfaces.albedo[..., :3]
    radiance = colour * light
    sky = surfaces.depth >= SKY_DEPTH
    radiance[sky] = colour[sky] * np.array(atmosphere.ambient, np.float32)
    glowing = surfaces.glow > 0
    radiance[glowing] += colour[glowing] * surfaces.glow[glowing, None]
    return radiance


def render_rgb(scene: Scene, surfaces: GBuffer, camera: Camera, scale: float,
               difficulty: Difficulty) -> np.ndarray:
    """The left camera's tone-mapped image.

    Returns:
        np.ndarray: (1024 scale, 1920 scale, 3) uint8, BGR.
    """
    air = scene.atmosphere
    radiance = lit_radiance(surfaces, camera, air)
    radiance = apply_fog(radiance, surfaces.depth, air.beta, air.airlight)
    if air.daytime == 'night':
        radiance = _add_halos(radiance, surfaces, air.beta, scale)
    shift = translation(*camera.offset)
    to_canvas = (shift @ scaling(scale, scale)
                 @ np.linalg.inv(gated_to_left())
                 @ scaling(1 / scale, 1 / scale))
    seen = warp_image(radiance, to_canvas, scaled_size(LEFT_SIZE, scale))
    return expose(seen, scene.rng(NOISE_STREAM), air.daytime, difficulty)


def _add_halos(radiance: np.ndarray, surfaces: GBuffer, beta: float,
               scale: float) -> np.ndarray:
    """Multiple scattering: lamps glow wider in denser fog."""
    lamps = np.where(surfaces.glow[..., None] > 1,
                     np.minimum(radiance, 4.0), 0).astype(np.float32)
    if not lamps.any():
        return radiance
    width = (10.0 + 400.0 * beta) * scale
    halo = cv2.GaussianBlur(lamps, (0, 0), max(width, .5))
    return radiance + (.3 + 6 * beta) * halo


def expose(radiance: np.ndarray, rng: np.random.Generator, daytime: str,
           difficulty: Difficulty) -> np.ndarray:
    """Shot and read noise, tone curve, 8 bit.

    Args:
        radiance (np.ndarray): (H, W, 3) RGB, linear; 1 is white by day.
        rng (np.random.Generator): For the noise.
        daytime (str): ``'night'`` gains the signal, and the noise with it.
        difficulty (Difficulty): Full well and read noise.

    Returns:
        np.ndarray: (H, W, 3) uint8, BGR.
    """
    gain = 6.0 if daytime == 'night' else 0.8
    full_well = difficulty.rgb_full_well
    # A tenfold exposure of the night frames, the rest of the gain is analog.
    electrons = radiance * full_well * (3.0 if daytime == 'night' else 1.0)
    white = full_well * (3.0 / gain if daytime == 'night' else 1 / gain)
    sigma = np.sqrt(np.maximum(electrons, 0)
                    + difficulty.rgb_read_noise**2)
    noise = rng.standard_normal(radiance.shape, dtype=np.float32)
    value = np.clip((electrons + sigma * noise) / white, 0, 1)
    image = np.power(value, np.float32(1 / GAMMA)) * 255 + .5
    return np.ascontiguousarray(image.astype(np.uint8)[..., ::-1])
