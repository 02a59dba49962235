"""Vehicles that drive along lanes, each with a sound."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmxkd.synthetic.sensors.microphones import Motion
from mmxkd.synthetic.worlds import vehicles
from mmxkd.synthetic.worlds.scene import Material, SceneObject
from mmxkd.synthetic.worlds.shapes import axes
from mmxkd.synthetic.worlds.vehicle_sounds import VehicleSound, vehicle_sound

KINDS = {'hatchback': .42, 'car': .38, 'van': .14, 'lorry': .06}
"""Share of each kind of vehicle."""
FARTHEST = 60.0
"""Metres; vehicles that stay farther away are neither drawn nor heard."""
_SOUND_HEIGHT = 0.4
# Degrees Celsius that driving makes of a surface.
_WARM_TYRE, _WARM_FRONT, _WARMER = 36.0, 26.0, 6.0
# Metres from bumper to bumper, at least.
_LEAST_GAP = 6.0


@dataclass(frozen=True, eq=False)
class Vehicle:
    """One vehicle of a drive.

    Attributes:
        number: From 1 on; the same in all frames.
        thing: What it looks like, where it is at the time 0.
        velocity: (3, ) metres per second.
        sound: What it emits.
    """

    number: int
    thing: SceneObject
    velocity: np.ndarray
    sound: VehicleSound

    @property
    def motion(self) -> Motion:
        """Of the point that its sound comes from."""
        return Motion(self.thing.position - [0.0, _SOUND_HEIGHT, 0.0],
                      self.velocity)


@dataclass(frozen=True)
class Lane:
    """A straight line on which all drive at one speed, so nobody collides.

    Attributes:
        yaw: Direction of travel, radians; 0 is forwards.
        across: Metres from the middle of the lane to the own car's start, to
            the right of the direction of travel.
        speed: Metres per second.
        gap: Mean distance from bumper to bumper, metres.
        span: First and last place along the lane at the time 0, metres; 0 is
            beside the own car's start.
    """

    yaw: float
    across: float
    speed: float
    gap: float
    span: tuple[float, float]


def sample_traffic(rng: np.random.Generator, lanes: Sequence[Lane],
                   lamps: float) -> list[Vehicle]:
    """Fill lanes with vehicles.

    Args:
        rng (np.random.Generator): Draws them.
        lanes (Sequence[Lane]): That do not cross.
        lamps (float): Share of the vehicles with lamps on.
    """
    found: list[Vehicle] = []
    for lane in lanes:
        forward, right = axes(lane.yaw)
        place = lane.span[0] + rng.exponential(lane.gap)
        while place < lane.span[1]:
            kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
            at = (place * forward + (lane.across + rng.normal(0, .15)) * right)
            thing = vehicles.vehicle(rng, kind, float(at[0]), float(at[2]),
                                     lane.yaw, bool(rng.random() < lamps))
            sound = vehicle_sound(rng, kind, lane.speed)
            found.append(
                Vehicle(
                    len(found) + 1,
                    replace(_warmed(thing), sound_level=sound.level),
                    lane.speed * forward, sound))
            # Longer ones of all kinds still fit behind it.
            place += 9.0 + _LEAST_GAP + rng.exponential(lane.gap)
    return found


def _warmed(thing: SceneObject) -> SceneObject:
    """What a thermal camera sees of a vehicle that has been driven."""
    return replace(
        thing, parts=tuple(
            replace(part, material=_warm(part.material))
            for part in thing.parts))


def _warm(material: Material) -> Material:
    degrees = material.temperature + _WARMER
    if material == vehicles.TYRE:
        degrees = _WARM_TYRE
    elif material == vehicles.BUMPER:
        degrees = _WARM_FRONT
    return replace(material, temperature=degrees)
