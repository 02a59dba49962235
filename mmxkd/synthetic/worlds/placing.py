"""Where things can stand, so that none stands in another."""
from collections.abc import Callable

import numpy as np

from . import clutter
from .scene import Road, SceneObject

Place = tuple[float, float]


def far_to_near(objects: list[SceneObject]) -> tuple[SceneObject, ...]:
    """Objects in the order in which a painter draws them."""
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
            if all(
                    abs(x - a) > half_width + w or abs(z - b) > half_length + d
                    for a, b, w, d in self._taken):
                self._taken.append((x, z, half_width, half_length))
                return x, z
        return None


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
    for number, z in enumerate(np.arange(15 + phase, 100, 25.0).tolist()):
        side = 1.0 if number % 2 == 0 else -1.0
        x = road.right + .4 if side > 0 else road.left - .4
        objects.append(clutter.lamp_post(x, z, side, night))
    return objects
