"""Draws streets as KITTI shows them: by default a clear day, parked and moving
cars, people on foot, on chairs and on bicycles.
"""
from collections.abc import Callable
from functools import partial

import numpy as np

from mmxkd.synthetic.worlds import clutter, people, vehicles
from mmxkd.synthetic.worlds.air import sample_atmosphere
from mmxkd.synthetic.worlds.backdrop import Backdrop
from mmxkd.synthetic.worlds.difficulty import SceneDifficulty
from mmxkd.synthetic.worlds.ordering import paint_order
from mmxkd.synthetic.worlds.placing import Ground, Place, sample_kerb
from mmxkd.synthetic.worlds.scene import (
    CAMERA_HEIGHT,
    SCENE_STREAM,
    Road,
    Scene,
    SceneObject,
)
from mmxkd.synthetic.worlds.shapes import placed

from .rig import HEIGHT

CLEAR_DAY = SceneDifficulty(weather_mix={'clear': 1.0}, night_share=0.0)
# Largest |x / z| of what is drawn at all: a little more than the camera sees.
_VIEW = 0.95
_NEAREST, _FARTHEST = 4.5, 45.0
# Houses and trees, well beside the pavements.
BACKDROP = Backdrop(setback=(.5, 4.0), start=(3.0, 8.0), gap=(1.0, 7.0),
                    end=120.0, built=.6, tree_setback=(3, 7),
                    far_trees=(130, 170), far_width=150.0, far_step=9.0)
_CARS = {'hatchback': .42, 'car': .38, 'van': .14, 'lorry': .06}


def sample_kitti_scene(seed: int, index: int,
                       difficulty: SceneDifficulty = CLEAR_DAY) -> Scene:
    """Draw one frame's street, with the ground at y = 1.65.

    Args:
        seed (int): Seed of the data set.
        index (int): Number of the frame.
        difficulty (SceneDifficulty): Its weather, night and noise count.
    """
    rng = np.random.default_rng([seed, index, SCENE_STREAM])
    atmosphere = sample_atmosphere(rng, difficulty)
    night = atmosphere.daytime == 'night'
    road = Road(rng.uniform(-7.5, -6.0), rng.uniform(3.2, 4.5),
                rng.uniform(2.5, 4.0), rng.uniform(.12, .22),
                rng.uniform(0, 9))
    street = _Street(rng, road, night)
    street.park()
    street.drive()
    street.ride()
    street.walk()
    street.furnish()
    return Scene(seed=seed, index=index, road=road, atmosphere=atmosphere,
                 backdrop=_lower(BACKDROP.sample(rng, road, night)),
                 objects=_lower(street.objects))


def _lower(things: list[SceneObject]) -> tuple[SceneObject, ...]:
    """Down to the ground below KITTI's camera, in the order of painting."""
    return paint_order(
        [placed(thing, lowered=HEIGHT - CAMERA_HEIGHT) for thing in things])


class _Street:
    """Collects what is on a road, each thing at a place of its own."""

    def __init__(self, rng: np.random.Generator, road: Road,
                 night: bool) -> None:
        self.rng, self.road, self.night = rng, road, night
        self.ground = Ground()
        self.objects: list[SceneObject] = []

    def park(self) -> None:
        """Rows of cars along the kerbs, with gaps."""
        rng = self.rng
        for kerb, side in ((self.road.left, -1.0), (self.road.right, 1.0)):
            share = rng.uniform(0, .8)
            with_traffic = np.pi if side < 0 and rng.random() < .7 else 0.0
            z = rng.uniform(4.5, 9.0)
            while z < 60:
                if rng.random() < share:
                    place = kerb - side + rng.normal(0, .08), z
                    self._vehicle(with_traffic + rng.normal(0, .04),
                                  partial(_always, place), lights=False)
                z += rng.uniform(5.5, 8.0)

    def drive(self) -> None:
        """Cars ahead, oncoming, turning and far away."""
        rng, road = self.rng, self.road
        for _ in range(rng.poisson(1.3)):
            self._vehicle(
                np.pi + rng.normal(0, .05), lambda:
                (.45 * road.left + rng.normal(0, .2), 7 + 53 * rng.random()**
                 1.5))
        for _ in range(rng.poisson(.8)):
            self._vehicle(
                rng.normal(0, .05), lambda:
                (rng.normal(0, .2), 9 + 51 * rng.random()**1.5))
        for _ in range(rng.poisson(.8)):
            self._vehicle(
                rng.uniform(-np.pi, np.pi), lambda: (rng.uniform(
                    .7 * road.left, .4 * road.right), rng.uniform(12, 50)))
        for _ in range(rng.poisson(.4)):
            self._vehicle(
                rng.choice([0.0, np.pi]), lambda:
                (rng.uniform(road.left, road.right), rng.uniform(62, 85)))

    def ride(self) -> None:
        """Cyclists on the road and on the pavements."""
        for _ in range(self.rng.poisson(2.4)):
            self._stand(people.cyclist, self._anywhere(.35), .5, 1.0)

    def walk(self) -> None:
        """People on foot, some of them crossing, and people on chairs."""
        rng = self.rng
        for _ in range(min(rng.poisson(4.0), 10)):
            self._stand(people.pedestrian, self._anywhere(.75))
        for _ in range(rng.poisson(.6)):
            yaw = rng.uniform(-np.pi, np.pi)
            self._stand(partial(people.sitter, yaw=yaw), self._anywhere(1.0),
                        .45, .55)

    def furnish(self) -> None:
        """Signs, lamps, bins, pillars, bushes."""
        rng = self.rng
        self.objects += sample_kerb(rng, self.road, self.ground, self.night)
        for _ in range(rng.poisson(2.0)):
            self._stand(clutter.DECOYS[rng.integers(len(clutter.DECOYS))],
                        self._anywhere(1.0))

    def _anywhere(self, pavement: float) -> Callable[[], Place]:
        """Draws places in sight, more of them near; a share on a pavement."""
        rng, road = self.rng, self.road

        def draw() -> Place:
            if rng.random() >= pavement:
                x = rng.uniform(road.left + 1, road.right - 1)
            elif rng.random() < .5:
                x = road.left - rng.uniform(.5, road.sidewalk)
            else:
                x = road.right + rng.uniform(.5, road.sidewalk)
            nearest = max(_NEAREST, 1.35 * abs(x))
            return x, nearest + (_FARTHEST - nearest) * rng.random()**2

        return draw

    def _stand(self, build: Callable[..., SceneObject],
               draw: Callable[[], Place], half_width: float = .4,
               half_length: float = .4) -> None:
        place = self.ground.find(draw, half_width, half_length)
        if place is not None:
            self.objects.append(build(self.rng, *place))

    def _vehicle(self, yaw: float, draw: Callable[[], Place],
                 lights: bool = True) -> None:
        rng = self.rng
        kind = str(rng.choice(list(_CARS), p=list(_CARS.values())))
        factor = rng.uniform(.93, 1.04)
        _, width, length = vehicles.SIZES[kind]
        sine, cosine = abs(np.sin(yaw)), abs(np.cos(yaw))
        half_width = .55 * (width * cosine + length * sine)
        half_length = .55 * (length * cosine + width * sine)

        def ahead() -> Place:
            # Its rear stays before the camera and its corner in sight.
            x, z = draw()
            return x, max(z, half_length + 1.5, abs(x) / _VIEW)

        place = self.ground.find(ahead, half_width, half_length)
        if place is not None:
            self.objects.append(
                placed(
                    vehicles.vehicle(rng, kind, *place, yaw, lights
                                     and self.night), factor))


def _always(place: Place) -> Place:
    return place
