"""Draws scenes: the same seed and index always give the same one."""
from collections.abc import Callable

import numpy as np

from . import clutter, people, vehicles
from .difficulty import BETA_RANGES, Difficulty
from .scene import Atmosphere, Road, Scene, SceneObject

SCENE_STREAM = 0
# Half of the field of view, as x / z; the camera's centre is off the middle.
VIEW_LEFT, VIEW_RIGHT = -0.27, 0.25


def sample_scene(seed: int, index: int, difficulty: Difficulty) -> Scene:
    """Draw one frame's scene.

    Args:
        seed (int): Seed of the data set.
        index (int): Number of the frame.
        difficulty (Difficulty): What to draw from.
    """
    rng = np.random.default_rng([seed, index, SCENE_STREAM])
    atmosphere = _sample_atmosphere(rng, difficulty)
    night = atmosphere.daytime == 'night'
    left = rng.uniform(-6.5, -5.0)
    road = Road(left, rng.uniform(1.9, 3.2), rng.uniform(2.0, 3.5),
                rng.uniform(.10, .2), rng.uniform(0, 9))
    return Scene(
        seed=seed, index=index, road=road, atmosphere=atmosphere,
        backdrop=_sample_backdrop(rng, road, night),
        objects=_sample_objects(rng, road, difficulty, night))


def _sample_atmosphere(rng: np.random.Generator,
                       difficulty: Difficulty) -> Atmosphere:
    shares = difficulty.weather_shares()
    weather = str(rng.choice(list(shares), p=list(shares.values())))
    night = rng.random() < difficulty.night_share
    beta = rng.uniform(*BETA_RANGES[weather])
    clear = weather == 'clear'
    azimuth = rng.uniform(-2.6, 2.6)
    direction = np.array([np.sin(azimuth), -1.0, -np.cos(azimuth)])
    direction /= np.linalg.norm(direction)
    tint = rng.uniform(.95, 1.05)
    if night:
        level = rng.uniform(.012, .03)
        # The fog glows in the own headlights and under the street lamps.
        air = level * (.6 if clear else rng.uniform(1.5, 3.0))
        return Atmosphere(
            weather, 'night', beta, (air * 1.05, air, air * .85),
            (level * 1.1, level, level * .8), (0.0, 0.0, 0.0), direction,
            difficulty.headlight * rng.uniform(.8, 1.2))
    level = rng.uniform(.6, 1.0)
    air = level * rng.uniform(.6, .8)
    sun = level * rng.uniform(.5, 1.2) if clear else 0.0
    return Atmosphere(
        weather, 'day', beta, (air * tint, air, air / tint),
        (level * .95, level, level * 1.05), (sun, sun * .95, sun * .85),
        direction, 0.0)


def _sample_backdrop(rng: np.random.Generator, road: Road,
                     night: bool) -> tuple[SceneObject, ...]:
    objects: list[SceneObject] = []
    for side, kerb in ((-1.0, road.left), (1.0, road.right)):
        facade = kerb + side * (road.sidewalk + rng.uniform(.5, 3.0))
        z = rng.uniform(6.0, 12.0)
        while z < 130.0:
            length = rng.uniform(12.0, 28.0)
            if rng.random() < .65:
                objects.append(clutter.house(rng, facade, z, z + length,
                                             night))
            else:
                for at in np.arange(z + 3.0, z + length, 6.0):
                    objects.append(clutter.tree(
                        rng, facade + side * rng.uniform(.5, 4.0), at))
            z += length + rng.uniform(0.0, 6.0)
    for x in np.arange(-40.0, 40.0, 8.0):
        objects.append(clutter.tree(rng, x + rng.uniform(-3, 3),
                                    rng.uniform(135, 170)))
    return _far_to_near(objects)


def _far_to_near(objects: list[SceneObject]) -> tuple[SceneObject, ...]:
    return tuple(sorted(objects, key=lambda o: -o.distance))


class _Ground:
    """Finds free places, so that nobody stands in a car."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._taken: list[tuple[float, float, float, float]] = []
        self.objects: list[SceneObject] = []

    def _free(self, x: float, z: float, half_width: float,
              half_length: float) -> bool:
        return all(abs(x - a) > half_width + w or abs(z - b) > half_length + d
                   for a, b, w, d in self._taken)

    def place(self, build: Callable[[float, float], SceneObject],
              draw: Callable[[], tuple[float, float]],
              half_width: float, half_length: float) -> None:
        """Try some places; an object that finds none is left out."""
        for _ in range(20):
            x, z = draw()
            if self._free(x, z, half_width, half_length):
                self._taken.append((x, z, half_width, half_length))
                self.objects.append(build(x, z))
                return


def _sample_objects(rng: np.random.Generator, road: Road,
                    difficulty: Difficulty,
                    night: bool) -> tuple[SceneObject, ...]:
    ground = _Ground(rng)
    near, far = difficulty.pedestrian_range
    outer = (road.left - road.sidewalk, road.right + road.sidewalk)

    def anywhere(z_range: tuple[float, float]) -> tuple[float, float]:
        # Density falls with the distance a little slower than 1 / z.
        z = z_range[0] + (z_range[1] - z_range[0]) * rng.random()**1.4
        x = z * rng.uniform(VIEW_LEFT, VIEW_RIGHT)
        return float(np.clip(x, *outer)), z

    def at_kerb() -> tuple[float, float]:
        side = rng.random() < .5
        x = (road.left - .5) if side else (road.right + .5)
        return x, rng.uniform(8, 80)

    for _ in range(rng.poisson(1.6)):
        kind = str(rng.choice(['car', 'van', 'lorry'], p=[.75, .17, .08]))
        lane = rng.random()
        if lane < .4:
            x, yaw = road.left / 2, np.pi
        elif lane < .7:
            x, yaw = 0.0, 0.0
        else:
            x, yaw = road.right - .9, 0.0
        moving = lane < .7
        half_width, half_length = .55 * vehicles.SIZES[kind][1], \
            .6 * vehicles.SIZES[kind][2]
        start = 22.0 if x == 0.0 else 13.0 + half_length
        yaw += rng.normal(0, .04)
        ground.place(
            lambda x, z, kind=kind, yaw=yaw, moving=moving: vehicles.vehicle(
                rng, kind, x, z, yaw, night and moving),
            lambda x=x, start=start: (x + rng.normal(0, .2),
                                      rng.uniform(start, 85)),
            half_width, half_length)
    if rng.random() < difficulty.group_share:
        ground.place(lambda x, z: people.pedestrian_group(rng, x, z),
                     lambda: anywhere((max(near, 30.0), max(far, 31.0))),
                     1.5, .8)
    for _ in range(min(rng.poisson(difficulty.pedestrians), 9)):
        ground.place(lambda x, z: people.pedestrian(rng, x, z),
                     lambda: anywhere((near, far)), .35, .35)
    for _ in range(rng.poisson(.3)):
        ground.place(lambda x, z: people.cyclist(rng, x, z),
                     lambda: anywhere((near + 2, far)), .4, 1.0)
    for _ in range(min(rng.poisson(difficulty.decoys), 10)):
        build = clutter.DECOYS[rng.integers(len(clutter.DECOYS))]
        ground.place(lambda x, z, build=build: build(rng, x, z),
                     lambda: anywhere((near, far)), .35, .35)
    for _ in range(rng.poisson(1.5)):
        ground.place(lambda x, z: clutter.sign(rng, x, z), at_kerb, .2, .2)
    phase = rng.uniform(0, 25)
    for z in np.arange(15 + phase, 100, 25.0):
        side = 1.0 if (z - phase) % 50 < 25 else -1.0
        x = road.right + .4 if side > 0 else road.left - .4
        ground.objects.append(clutter.lamp_post(x, z, side, night))
    return _far_to_near(ground.objects)
