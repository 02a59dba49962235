"""Draws scenes: the same seed and index always give the same one."""
from collections.abc import Callable

import numpy as np

from . import clutter, people, vehicles
from .difficulty import BETA_RANGES, Difficulty
from .scene import Atmosphere, Road, Scene, SceneObject

SCENE_STREAM = 0
# Half of the field of view, as x / z; the camera's centre is off the middle.
VIEW_LEFT, VIEW_RIGHT = -0.27, 0.25
Place = tuple[float, float]


def sample_scene(seed: int, index: int, difficulty: Difficulty) -> Scene:
    """Draw one frame's scene.

    Args:
        seed (int): Seed of the data set.
        index (int): Number of the frame.
        difficulty (Difficulty): What to draw from.
    """
    rng = np.random.default_rng([seed, index, SCENE_STREAM])
    atmosphere = sample_atmosphere(rng, difficulty)
    night = atmosphere.daytime == 'night'
    left = rng.uniform(-6.5, -5.0)
    road = Road(left, rng.uniform(1.9, 3.2), rng.uniform(2.0, 3.5),
                rng.uniform(.10, .2), rng.uniform(0, 9))
    return Scene(
        seed=seed, index=index, road=road, atmosphere=atmosphere,
        backdrop=_sample_backdrop(rng, road, night),
        objects=_sample_objects(rng, road, difficulty, night))


def sample_atmosphere(rng: np.random.Generator,
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
    return far_to_near(objects)


def far_to_near(objects: list[SceneObject]) -> tuple[SceneObject, ...]:
    return tuple(sorted(objects, key=lambda o: -o.distance))


class Ground:
    """Finds free places, so that nobody stands in a car."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float, float]] = []

    def find(self, draw: Callable[[], Place], half_width: float,
             half_length: float) -> Place | None:
        """Draw places until one is free; None after 20 that are not."""
        for _ in range(20):
            x, z = draw()
            if all(abs(x - a) > half_width + w or abs(z - b) > half_length + d
                   for a, b, w, d in self._taken):
                self._taken.append((x, z, half_width, half_length))
                return x, z
        return None


def _sample_objects(rng: np.random.Generator, road: Road,
                    difficulty: Difficulty,
                    night: bool) -> tuple[SceneObject, ...]:
    ground = Ground()
    objects: list[SceneObject] = []
    near, far = difficulty.pedestrian_range
    outer = (road.left - road.sidewalk, road.right + road.sidewalk)

    def stand(build: Callable[..., SceneObject], nearest: float,
              farthest: float, half_width: float = .35,
              half_length: float = .35) -> None:
        def anywhere() -> Place:
            # Density falls with the distance a little slower than 1 / z.
            z = nearest + (farthest - nearest) * rng.random()**1.4
            x = z * rng.uniform(VIEW_LEFT, VIEW_RIGHT)
            return float(np.clip(x, *outer)), z

        place = ground.find(anywhere, half_width, half_length)
        if place is not None:
            objects.append(build(rng, *place))

    for _ in range(rng.poisson(1.6)):
        objects += _sample_vehicle(rng, road, ground, night)
    if rng.random() < difficulty.group_share:
        stand(people.pedestrian_group, max(near, 30.0), max(far, 31.0),
              1.5, .8)
    for _ in range(min(rng.poisson(difficulty.pedestrians), 9)):
        stand(people.pedestrian, near, far)
    for _ in range(rng.poisson(.3)):
        stand(people.cyclist, near + 2, far, .4, 1.0)
    for _ in range(min(rng.poisson(difficulty.decoys), 10)):
        stand(clutter.DECOYS[rng.integers(len(clutter.DECOYS))], near, far)
    return far_to_near(objects + sample_kerb(rng, road, ground, night))


def _sample_vehicle(rng: np.random.Generator, road: Road, ground: Ground,
                    night: bool) -> list[SceneObject]:
    kind = str(rng.choice(['car', 'van', 'lorry'], p=[.75, .17, .08]))
    _, width, length = vehicles.SIZES[kind]
    half_length = .6 * length
    lane = rng.random()
    if lane < .4:  # oncoming
        lane_x, yaw, start = road.left / 2, np.pi, 13.0 + half_length
    elif lane < .7:  # ahead of us
        lane_x, yaw, start = 0.0, 0.0, 22.0
    else:  # parked
        lane_x, yaw, start = road.right - .9, 0.0, 13.0 + half_length
    yaw += rng.normal(0, .04)

    def in_lane() -> Place:
        return lane_x + rng.normal(0, .2), rng.uniform(start, 85)

    place = ground.find(in_lane, .55 * width, half_length)
    if place is None:
        return []
    return [vehicles.vehicle(rng, kind, *place, yaw, night and lane < .7)]


def sample_kerb(rng: np.random.Generator, road: Road, ground: Ground,
                 night: bool) -> list[SceneObject]:
    """Signs and street lamps."""
    objects: list[SceneObject] = []

    def at_kerb() -> Place:
        left = rng.random() < .5
        return (road.left - .5 if left else road.right + .5,
                rng.uniform(8, 80))

    for _ in range(rng.poisson(1.5)):
        place = ground.find(at_kerb, .2, .2)
        if place is not None:
            objects.append(clutter.sign(rng, *place))
    phase = rng.uniform(0, 25)
    for number, z in enumerate(np.arange(15 + phase, 100, 25.0)):
        side = 1.0 if number % 2 == 0 else -1.0
        x = road.right + .4 if side > 0 else road.left - .4
        objects.append(clutter.lamp_post(x, z, side, night))
    return objects
