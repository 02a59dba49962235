"""Draws drives: a car that stands or drives, and others that pass it."""
from dataclasses import dataclass, replace

import numpy as np

from mmxkd.synthetic.sensors.microphones import Motion
from mmxkd.synthetic.worlds import clutter
from mmxkd.synthetic.worlds.air import sample_atmosphere
from mmxkd.synthetic.worlds.backdrop import Backdrop
from mmxkd.synthetic.worlds.difficulty import SceneDifficulty
from mmxkd.synthetic.worlds.ordering import paint_order
from mmxkd.synthetic.worlds.placing import Ground, far_to_near, sample_kerb
from mmxkd.synthetic.worlds.scene import (
    SCENE_STREAM,
    Atmosphere,
    Road,
    Scene,
    SceneObject,
)
from mmxkd.synthetic.worlds.shapes import moved

from .settings import DriveSettings
from .traffic import FARTHEST, Lane, Vehicle, sample_traffic

CLEAR = {
    lighting: SceneDifficulty(weather_mix={'clear': 1.0}, night_share=share)
    for lighting, share in (('day', 0.0), ('night', 1.0))
}
PLACES = ('kerb', 'square', 'road', 'square', 'kerb')
"""Where the own car is, drive by drive: it stands at the kerb of a street; or
before a square that others cross; or it drives. Day and night take turns."""
DARKNESS = 0.03
"""Light of the night over that of the scenes in fog: no street lamp near."""
_BACKDROP = Backdrop(setback=(.5, 3.0), start=(-30.0, -24.0), gap=(0.0, 6.0),
                     end=130.0, built=.65, tree_setback=(.5, 4.0),
                     far_trees=(140, 190), far_width=150.0, far_step=11.0)
# What is nearer along z is beside or behind the camera.
_NEAREST = 1.0


@dataclass(frozen=True, eq=False)
class Drive:
    """One drive. The frame of its world is that of the camera at time 0.

    Attributes:
        seed: Seed of the data set.
        index: Number of the drive in it.
        frames: Number of its frames.
        place: One of :data:`PLACES`.
        road: The ground at time 0.
        atmosphere: Air and light.
        backdrop: Houses and trees.
        things: Signs and lamps.
        vehicles: All that make a sound.
        own: Motion of the camera.
        wind: Of the weather, metres per second.
    """

    seed: int
    index: int
    frames: int
    place: str
    road: Road
    atmosphere: Atmosphere
    backdrop: tuple[SceneObject, ...]
    things: tuple[SceneObject, ...]
    vehicles: tuple[Vehicle, ...]
    own: Motion
    wind: float

    def rng(self, stream: int) -> np.random.Generator:
        """Random numbers of one consumer for the whole drive."""
        return np.random.default_rng([self.seed, self.index, stream, 1])

    def scene(self, frame: int,
              time: float) -> tuple[Scene, dict[int, Vehicle]]:
        """The world as the camera sees it at some time.

        Args:
            frame (int): Number of the frame, for its random numbers.
            time (float): Seconds.

        Returns:
            tuple[Scene, dict[int, Vehicle]]: And the vehicle of each place
            in ``scene.objects`` that has one.
        """
        way = self.own.at(np.array(time))
        vehicle_of = {}
        objects = [moved(thing, -way) for thing in self.things]
        for vehicle in self.vehicles:
            thing = moved(vehicle.thing, vehicle.velocity * time - way)
            objects.append(thing)
            vehicle_of[id(thing)] = vehicle
        order = paint_order([
            thing for thing in objects
            if _NEAREST < _farthest(thing) and thing.distance < FARTHEST
        ])
        backdrop = tuple(
            moved(thing, -way) if way.any() else thing
            for thing in self.backdrop)
        road = replace(self.road, dash_phase=self.road.dash_phase + way[2])
        scene = Scene(
            self.seed, self.index * self.frames + frame, road, self.atmosphere,
            tuple(thing for thing in backdrop if _farthest(thing) > _NEAREST),
            order)
        return scene, {
            place: vehicle_of[id(thing)] for place, thing in enumerate(order)
            if id(thing) in vehicle_of
        }


def _farthest(thing: SceneObject) -> float:
    """How far along z it reaches, metres."""
    _, width, length = thing.size
    return thing.distance + .5 * float(
        abs(np.cos(thing.yaw)) * length + abs(np.sin(thing.yaw)) * width)


def sample_drive(settings: DriveSettings, index: int) -> Drive:
    """Draw a drive.

    Args:
        settings (DriveSettings): Of the data set.
        index (int): Number of the drive.
    """
    rng = np.random.default_rng([settings.seed, index, SCENE_STREAM, 1])
    _, lighting = settings.place_of(index)
    night = lighting == 'night'
    air = _sample_air(rng, lighting)
    place = PLACES[(settings.seed + index // 2) % len(PLACES)]
    seconds = settings.frames * settings.interval
    own = rng.uniform(5, 10) if place == 'road' else 0.0
    dash = rng.uniform(0, 9)
    if place == 'square':
        road = Road(-60.0, 60.0, 3.0, rng.uniform(.12, .2), dash)
        backdrop, things = _sample_far_row(rng, night), []
        lanes = _crossing_lanes(rng, seconds)
    else:
        road, lanes = _street(rng, place, own, dash, seconds)
        backdrop = _BACKDROP.sample(rng, road, night)
        things = sample_kerb(rng, road, Ground(), night)
    return Drive(
        seed=settings.seed, index=index, frames=settings.frames, place=place,
        road=road, atmosphere=air, backdrop=far_to_near(backdrop),
        things=tuple(things), vehicles=tuple(
            sample_traffic(rng, lanes, settings.lamps if night else 0.0)),
        own=Motion(np.zeros(3), np.array([0.0, 0.0, own])),
        wind=rng.uniform(0, 4))


def _sample_air(rng: np.random.Generator, lighting: str) -> Atmosphere:
    air = sample_atmosphere(rng, CLEAR[lighting])
    if lighting == 'day':
        return air
    red, green, blue = (DARKNESS * value for value in air.ambient)
    # The own headlights are off, and the air is clear.
    return replace(air, ambient=(red, green, blue), airlight=(0.0, 0.0, 0.0),
                   headlight=0.0)


def _street(rng: np.random.Generator, place: str, own: float, dash: float,
            seconds: float) -> tuple[Road, list[Lane]]:
    """Two lanes along z; the right one is beside the own car, or below it."""
    beside = rng.uniform(2.6, 3.1) if place == 'kerb' else 0.0
    between = rng.uniform(3.3, 3.8)
    right = 1.3 if place == 'kerb' else 2.2
    left = -beside - between - rng.uniform(1.8, 2.4)
    speed, oncoming = rng.uniform(6, 14, 2)
    if place == 'kerb':
        start = -FARTHEST - seconds * speed
    else:  # nobody drives up to the own car, nor falls back to it
        start, speed = 12.0, own + rng.uniform(0, 3)
    reach = FARTHEST + seconds * own
    return Road(left, right, rng.uniform(2, 3.5), rng.uniform(.12, .2),
                dash), [
                    Lane(0.0, -beside, speed, rng.uniform(15, 40),
                         (start, reach)),
                    Lane(np.pi, beside + between, oncoming,
                         rng.uniform(15, 40),
                         (-reach - seconds * oncoming, .5 * FARTHEST))
                ]


def _crossing_lanes(rng: np.random.Generator, seconds: float) -> list[Lane]:
    """Lanes along x, at distances that leave each of them room."""
    distances = np.cumsum([
        rng.uniform(7, 9), *rng.uniform(3.5, 6.0, rng.integers(1, 4)).tolist()
    ])
    lanes = []
    for number, z in enumerate(distances.tolist()):
        speed = rng.uniform(5, 14)
        rightwards = number % 2 == 0
        lanes.append(
            Lane(np.pi / 2 if rightwards else -np.pi / 2,
                 -z if rightwards else z, speed, rng.uniform(8, 25),
                 (-.7 * FARTHEST - seconds * speed, .7 * FARTHEST)))
    return lanes


def _sample_far_row(rng: np.random.Generator,
                    night: bool) -> list[SceneObject]:
    """Houses and trees behind a square."""
    objects: list[SceneObject] = []
    x = -75.0
    while x < 75.0:
        z = rng.uniform(38, 50)
        if rng.random() < .5:
            # A house lies beyond its facade, seen from x = 0.
            facade = max(x, .5) if x > -4 else min(x + 8.0, -.5)
            objects.append(clutter.house(rng, facade, z, z + 14.0, night))
        else:
            objects.append(clutter.tree(rng, x + 4.0, z))
        x += rng.uniform(8.5, 12.0)
    return objects
