"""What a synthetic scene is made of, before any sensor looks at it.

World frame: that of the gated camera, x right, y down, z forward, metres.
Every object is a list of parts with a surface each; a renderer needs nothing
else, so further sensors (LiDAR, thermal camera, microphones) can look at the
same scene.
"""
from dataclasses import dataclass

import numpy as np

CAMERA_HEIGHT = 1.4
"""Metres from the ground to the camera: the ground is the plane y = 1.4."""
SCENE_STREAM = 0
"""Random numbers of the scene itself; each sensor has a stream of its own."""


@dataclass(frozen=True)
class Material:
    """Surface of a part.

    Attributes:
        albedo: Red, green, blue reflectance, 0..1.
        nir: Reflectance at the laser's wavelength (808 nm), 0..2; above 1 for
            retroreflectors.
        glow: Own light in units of ``albedo`` (0: none).
        temperature: Degrees Celsius.
    """

    albedo: tuple[float, float, float]
    nir: float
    glow: float = 0.0
    temperature: float = 10.0


@dataclass(frozen=True)
class Capsule:
    """Hull of two spheres; a sphere where ``start`` equals ``end``.

    Attributes:
        start: Centre of the first sphere, (3, ) metres.
        end: Centre of the second sphere, (3, ) metres.
        radii: Radius at ``start`` and at ``end``, metres.
    """

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    material: Material


@dataclass(frozen=True)
class Facet:
    """Flat polygon, seen from one side.

    Attributes:
        points: Corners, (N, 3) metres.
        normal: Unit vector towards the side it is seen from, (3, ).
    """

    points: np.ndarray
    normal: np.ndarray
    material: Material


Part = Capsule | Facet


@dataclass(frozen=True)
class SceneObject:
    """One thing on the road or beside it.

    Attributes:
        kind: What it is, e.g. ``'pedestrian'`` or ``'bin'``.
        label: Class in the label file, or None for unlabelled clutter.
        position: Centre of its foot on the ground, (3, ) metres.
        size: Height, width, length, metres.
        yaw: Heading about y, radians; 0 looks along +z.
        parts: Drawn in this order, so from far to near.
        sound_level: dB SPL at 1 m, or None where silent.
    """

    kind: str
    label: str | None
    position: np.ndarray
    size: tuple[float, float, float]
    yaw: float
    parts: tuple[Part, ...]
    sound_level: float | None = None

    @property
    def distance(self) -> float:
        """Distance along z, metres."""
        return float(self.position[2])


@dataclass(frozen=True)
class Road:
    """The ground.

    Attributes:
        left: x of the left kerb, metres.
        right: x of the right kerb, metres.
        sidewalk: Width of both pavements, metres.
        asphalt: Reflectance of the carriageway, 0..1.
        dash_phase: Where the dashes of the centre line begin, metres.
    """

    left: float
    right: float
    sidewalk: float
    asphalt: float
    dash_phase: float


@dataclass(frozen=True)
class Atmosphere:
    """Air and light.

    Attributes:
        weather: ``'clear'``, ``'light_fog'``, ``'dense_fog'``, ….
        daytime: ``'day'`` or ``'night'``.
        beta: Extinction coefficient of the visible light, 1/m.
        airlight: Radiance of the fog at infinity, RGB, 0..1.
        ambient: Irradiance from the sky and lamps, RGB; 1 is an overcast noon.
        sun: Irradiance from the sun, RGB.
        sun_direction: Unit vector towards the sun, (3, ).
        headlight: Irradiance of the own headlights at 10 m.
    """

    weather: str
    daytime: str
    beta: float
    airlight: tuple[float, float, float]
    ambient: tuple[float, float, float]
    sun: tuple[float, float, float]
    sun_direction: np.ndarray
    headlight: float


@dataclass(frozen=True)
class Scene:
    """One frame's world.

    Attributes:
        seed: Seed of the data set.
        index: Number of the frame in the data set.
        backdrop: Buildings and trees, behind all objects, far to near.
        objects: Everything else, far to near.
    """

    seed: int
    index: int
    road: Road
    atmosphere: Atmosphere
    backdrop: tuple[SceneObject, ...]
    objects: tuple[SceneObject, ...]

    def rng(self, stream: int) -> np.random.Generator:
        """Random numbers of one consumer, the same in every process."""
        return np.random.default_rng([self.seed, self.index, stream])
