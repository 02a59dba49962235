"""A spinning LiDAR with 64 rings that looks at a scene.

Every beam ends at the nearest surface, so what stands in front hides what is
behind, as in the pictures. Not simulated: the sweep's duration, the width of
the beams, echoes that are too weak to be noticed (dark glass returns).
"""
from dataclasses import dataclass

import numpy as np

from mmxkd.synthetic.worlds.ground import ground_kinds, ground_palette
from mmxkd.synthetic.worlds.scene import Capsule, Part, Scene

from .polygons import NIR_FULL
from .rays import meet_capsule, meet_facet, meet_ground

NOISE_STREAM = 4
# Beams of the HDL-64E: an upper block of 32 at 1/3 degree, a lower one at
# 1/2 degree; degrees above the horizon.
ELEVATIONS = np.concatenate(
    [np.linspace(2.0, -8.33, 32),
     np.linspace(-8.87, -24.9, 32)])


@dataclass(frozen=True, eq=False)
class Lidar:
    """A scanner. Its own frame: x forwards, y left, z up.

    Attributes:
        to_world: (4, 4), its own frame to that of the scene.
        azimuth_step: Degrees between two beams of a ring.
        half_view: Degrees that it sees to either side of forwards.
        max_range: Farthest echo, metres.
        noise: Standard deviation of a range, metres.
    """

    to_world: np.ndarray
    azimuth_step: float = 0.17
    half_view: float = 45.0
    max_range: float = 80.0
    noise: float = 0.015

    @property
    def azimuths(self) -> np.ndarray:
        """Radians to the left of forwards, from left to right, (A, )."""
        count = int(2 * self.half_view / self.azimuth_step) + 1
        return np.deg2rad(self.half_view
                          - self.azimuth_step * np.arange(count))


@dataclass(frozen=True)
class Scan:
    """The echoes of one turn, ring by ring from the top, left to right.

    Attributes:
        points: (N, 4) float32, x, y, z in the scanner's frame, reflectance
            0..1.
        instance: (N, ) int, 1 + index into ``Scene.objects``, 0 elsewhere.
    """

    points: np.ndarray
    instance: np.ndarray


def scan(scene: Scene, lidar: Lidar, height: float) -> Scan:
    """Scan a scene.

    Args:
        scene (Scene): The scene.
        lidar (Lidar): The scanner.
        height (float): The ground is the plane y = ``height``, metres.
    """
    elevations, azimuths = np.deg2rad(ELEVATIONS), lidar.azimuths
    own = np.stack(
        np.broadcast_arrays(
            np.cos(elevations)[:, None] * np.cos(azimuths),
            np.cos(elevations)[:, None] * np.sin(azimuths),
            np.sin(elevations)[:, None]), axis=-1)
    directions = own @ lidar.to_world[:3, :3].T
    origin = lidar.to_world[:3, 3]

    distance = meet_ground(origin, directions, height)
    echo = _ground_echo(scene, origin, directions, distance)
    instance = np.zeros(distance.shape, np.int64)
    things = [
        *((0, thing) for thing in scene.backdrop),
        *enumerate(scene.objects, start=1)
    ]
    parts = [(number, part) for number, thing in things
             for part in thing.parts]
    for (number, part), window in zip(
            parts,
            _windows([part for _, part in parts], lidar, elevations, azimuths),
            strict=True):
        if window is None:
            continue
        hits = (meet_capsule(origin, directions[window], part) if isinstance(
            part, Capsule) else meet_facet(origin, directions[window], part))
        closer = hits.distance < distance[window]
        distance[window][closer] = hits.distance[closer]
        echo[window][closer] = part.material.nir * hits.facing[closer]
        instance[window][closer] = number
    noise = scene.rng(NOISE_STREAM).standard_normal(distance.shape)
    seen = distance <= lidar.max_range
    ranges = distance[seen] + lidar.noise * noise[seen]
    # Two decimals, as the scanner gives them.
    reflectance = np.round(np.clip(echo[seen], 0, .99), 2)
    points = np.column_stack([own[seen] * ranges[:, None], reflectance])
    return Scan(points.astype(np.float32), instance[seen])


def _ground_echo(scene: Scene, origin: np.ndarray, directions: np.ndarray,
                 distance: np.ndarray) -> np.ndarray:
    met = np.isfinite(distance)
    points = origin + distance[met][:, None] * directions[met]
    nir = ground_palette(scene.road)[:, 3] * (NIR_FULL / 255)
    echo = np.zeros(distance.shape)
    # At a grazing angle the roughness of the ground still sends light back.
    echo[met] = nir[ground_kinds(scene.road, points[:, 0], points[:, 2])] * (
        .5 + .5 * directions[met][:, 1])
    return echo


def _windows(parts: list[Part], lidar: Lidar, elevations: np.ndarray,
             azimuths: np.ndarray) -> list[tuple[slice, slice] | None]:
    """Rings and columns that may meet each part; None where none does."""
    if not parts:
        return []
    corners = [
        np.stack([p.start, p.end]) if isinstance(p, Capsule) else p.points
        for p in parts
    ]
    counts = np.array([len(c) for c in corners])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    to_own = np.linalg.inv(lidar.to_world)
    points = np.concatenate(corners) @ to_own[:3, :3].T + to_own[:3, 3]
    largest = np.array(
        [max(p.radii) if isinstance(p, Capsule) else 0.0 for p in parts])
    radii = np.repeat(largest, counts)

    flat = np.hypot(points[:, 0], points[:, 1])
    with np.errstate(invalid='ignore', divide='ignore'):
        spread = np.arcsin(radii / flat)  # nan: the scanner is inside
    turn = np.arctan2(points[:, 1], points[:, 0])
    right = np.minimum.reduceat(turn - spread, first)
    left = np.maximum.reduceat(turn + spread, first)
    # Behind the scanner the azimuth jumps by a full turn.
    whole = ~(np.minimum.reduceat(points[:, 0] - radii, first) > 0)
    right, left = np.where(whole, -np.pi, right), np.where(whole, np.pi, left)

    middle = np.add.reduceat(points, first) / counts[:, None]
    reach = np.maximum.reduceat(
        np.linalg.norm(points - np.repeat(middle, counts, axis=0), axis=1)
        + radii, first)
    away = np.linalg.norm(middle, axis=1)
    tilt = np.arcsin(np.clip(middle[:, 2] / np.maximum(away, 1e-9), -1, 1))
    cone = np.where(reach < away,
                    np.arcsin(np.minimum(reach / np.maximum(away, 1e-9), 1)),
                    np.pi)
    # Both fall from their first entry on.
    rows = np.searchsorted(-elevations, [-(tilt + cone), -(tilt - cone)])
    columns = np.searchsorted(-azimuths, [-left, -right])
    near = away - reach <= lidar.max_range
    return [
        (slice(top, bottom), slice(start, stop)) if close and bottom > top
        and stop > start else None for close, (top, bottom), (start, stop) in
        zip(near.tolist(), rows.T.tolist(), columns.T.tolist(), strict=True)
    ]
