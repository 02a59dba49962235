"""Pedestrians, alone and in groups, and riders."""

import numpy as np

from .scene import Capsule, Material, SceneObject
from .shapes import Placer, axes, ground_point

SEAT = .27
"""Height of a seat over that of the person."""
SKIN_TONES = ((.75, .55, .45), (.60, .42, .32), (.35, .22, .15))


def random_cloth(rng: np.random.Generator) -> Material:
    """Cloth: mostly dark in the visible, its NIR reflectance unrelated."""
    value = rng.uniform(0.03, 0.35) if rng.random() < 0.75 else rng.uniform(
        0.35, 0.75)
    tint = rng.uniform(0.6, 1.4, 3)
    albedo = tuple(np.clip(value * tint, 0.02, 0.9))
    return Material(albedo, rng.uniform(0.35, 0.75), temperature=24.0)


def _far_to_near(parts: list[Capsule]) -> list[Capsule]:
    return sorted(parts, key=lambda part: -(part.start + part.end)[2])


def person_parts(rng: np.random.Generator, position: np.ndarray, yaw: float,
                 height: float, stride: float,
                 seated: bool = False) -> list[Capsule]:
    """Limbs, torso and head of a standing, walking or sitting person.

    Args:
        rng (np.random.Generator): For the clothes and the pose.
        position (np.ndarray): Between the feet, (3, ).
        yaw (float): Heading, radians.
        height (float): When standing, metres.
        stride (float): Angle of the legs from the vertical, radians; 0 stands.
        seated (bool): Thighs level, on a seat of :data:`SEAT` of the height.
    """
    h = height
    floor = (.5 - SEAT) * h if seated else 0.0
    place = Placer(position + np.array([0.0, floor, 0.0]), yaw).point
    build = rng.uniform(0.9, 1.2)
    skin_tone = SKIN_TONES[rng.integers(len(SKIN_TONES))]
    skin = Material(skin_tone, 0.55, temperature=33.0)
    hair = Material((.08, .06, .05), rng.uniform(.2, .5), temperature=28.0)
    coat, trousers = random_cloth(rng), random_cloth(rng)
    shoes = Material((.05, .05, .05), rng.uniform(.1, .4), temperature=18.0)
    hip, shoulder = 0.50 * h, 0.80 * h
    parts: list[Capsule] = []
    for side in (-1.0, 1.0):
        swing = side * stride
        bend = max(0.0, -swing) * 0.8
        knee = (side * .055 * h, hip - .245 * h * np.cos(swing),
                .245 * h * np.sin(swing))
        ankle = (side * .055 * h,
                 max(knee[1] - .235 * h * np.cos(swing - bend),
                     .03 * h), knee[2] + .235 * h * np.sin(swing - bend))
        if seated:
            knee = (side * .075 * h, hip, .245 * h)
            ankle = (side * .075 * h, floor + .03 * h, .26 * h)
        parts += [
            Capsule(place(side * .05 * h, hip, 0), place(*knee),
                    (.060 * h * build, .042 * h), trousers),
            Capsule(place(*knee), place(*ankle), (.042 * h, .028 * h),
                    trousers),
            Capsule(place(ankle[0], floor + .02 * h, ankle[2]),
                    place(ankle[0], floor + .02 * h, ankle[2] + .09 * h),
                    (.024 * h, .02 * h), shoes),
        ]
        arm = .5 if seated else -swing * 0.9
        out = side * (.125 * h * build)
        elbow = (out + side * .02 * h, shoulder - .17 * h * np.cos(arm),
                 .17 * h * np.sin(arm))
        hand = (elbow[0], elbow[1] - .15 * h * np.cos(arm + .35),
                elbow[2] + .15 * h * np.sin(arm + .35))
        parts += [
            Capsule(place(out, shoulder - .02 * h, 0), place(*elbow),
                    (.036 * h, .030 * h), coat),
            Capsule(place(*elbow), place(*hand), (.029 * h, .022 * h), coat),
            Capsule(place(*hand), place(*hand), (.024 * h, .024 * h), skin),
            Capsule(place(side * .05 * h, hip, 0),
                    place(side * .075 * h * build, shoulder - .03 * h, 0),
                    (.062 * h * build, .058 * h * build), coat),
        ]
    parts += [
        Capsule(place(0, hip, 0), place(0, shoulder - .02 * h, 0),
                (.075 * h * build, .070 * h * build), coat),
        Capsule(place(0, shoulder, 0), place(0, .88 * h, 0),
                (.03 * h, .03 * h), skin),
        Capsule(place(0, .905 * h, .008 * h), place(0, .935 * h, .008 * h),
                (.052 * h, .056 * h), skin),
        Capsule(place(0, .937 * h, -.012 * h), place(0, .945 * h, -.01 * h),
                (.057 * h, .055 * h), hair),
    ]
    if rng.random() < 0.25:  # a long coat or skirt
        parts.append(
            Capsule(place(0, hip, 0), place(0, .32 * h, 0),
                    (.09 * h * build, .11 * h * build), coat))
    if rng.random() < 0.25:  # a rucksack
        parts.append(
            Capsule(place(0, .58 * h, -.1 * h), place(0, .74 * h, -.1 * h),
                    (.06 * h, .06 * h), random_cloth(rng)))
    return _far_to_near(parts)


def _height(rng: np.random.Generator) -> float:
    return rng.uniform(1.1, 1.4) if rng.random() < .1 else rng.normal(
        1.72, .08)


def pedestrian(rng: np.random.Generator, x: float, z: float) -> SceneObject:
    """One person on foot at ``x``, ``z``."""
    position, yaw = ground_point(x, z), rng.uniform(-np.pi, np.pi)
    height = _height(rng)
    stride = rng.uniform(0.05, 0.5) * rng.choice([-1.0, 1.0])
    parts = person_parts(rng, position, yaw, height, stride)
    return SceneObject('pedestrian', 'Pedestrian',
                       position, (height, .35 * height, .3 * height), yaw,
                       tuple(parts), sound_level=55.0)


def sitter(rng: np.random.Generator, x: float, z: float,
           yaw: float) -> SceneObject:
    """One person on a chair at ``x``, ``z``; the chair is part of it."""
    position = ground_point(x, z)
    h = rng.normal(1.72, .08)
    place = Placer(position, yaw).point
    wood = Material((.25, .17, .10), .5)
    seat, back = (SEAT - .05) * h, (SEAT + .2) * h
    rails = [((-.2, seat, w), (.2, seat, w), .035) for w in (-.18, 0, .16)]
    rails += [((-.2, back, -.22), (.2, back, -.22), .05)]
    rails += [((u, .02, w), (u, top, w), .02) for u in (-.2, .2)
              for w, top in ((-.2, back), (.18, seat))]
    parts = person_parts(rng, position, yaw, h, 0.0, seated=True)
    parts += [
        Capsule(place(*low), place(*high), (radius, radius), wood)
        for low, high, radius in rails
    ]
    return SceneObject('sitter', 'Pedestrian', position,
                       ((.5 + SEAT) * h, .5, .9), yaw,
                       tuple(_far_to_near(parts)), sound_level=55.0)


def pedestrian_group(rng: np.random.Generator, x: float,
                     z: float) -> SceneObject:
    """Three to five people side by side, labelled as one box."""
    count = int(rng.integers(3, 6))
    spread = 0.5 * (np.arange(count) - (count - 1) / 2)
    offsets = rng.uniform(-0.4, 0.4, count)
    parts: list[Capsule] = []
    # Far to near, so that people in front hide those behind them.
    for k in np.argsort(-offsets):
        position = ground_point(x + spread[k], z + offsets[k])
        parts += person_parts(rng, position, rng.uniform(-np.pi, np.pi),
                              _height(rng), rng.uniform(0.0, 0.4))
    return SceneObject('pedestrian_group', 'Pedestrian_is_group',
                       ground_point(x, z), (1.75, .5 * count, 1.0), 0.0,
                       tuple(parts), sound_level=62.0)


def cyclist(rng: np.random.Generator, x: float, z: float) -> SceneObject:
    """A person on a bicycle, labelled as a ridable vehicle."""
    position = ground_point(x, z)
    yaw = rng.normal(0.0, .4) + (np.pi if rng.random() < .5 else 0.0)
    place = Placer(position, yaw).point
    forward, _ = axes(yaw)
    metal = Material((.15, .15, .17), .35)
    tyre = Material((.04, .04, .04), .08)
    parts: list[Capsule] = []
    for centre in (-.52, .52):
        ring = np.linspace(0, 2 * np.pi, 13)
        rim = [
            place(0, .34 + .33 * np.sin(a), centre + .33 * np.cos(a))
            for a in ring
        ]
        parts += [
            Capsule(p, q, (.02, .02), tyre)
            for p, q in zip(rim, rim[1:], strict=False)
        ]
    frame = {
        'rear': (0, .34, -.52), 'front': (0, .34, .52), 'seat': (0, .85, -.2),
        'pedal': (0, .3, -.05), 'bar': (0, .95, .4)
    }
    for a, b in (('rear', 'seat'), ('rear', 'pedal'), ('seat', 'pedal'),
                 ('pedal', 'bar'), ('seat', 'bar'), ('bar', 'front')):
        parts.append(
            Capsule(place(*frame[a]), place(*frame[b]), (.02, .02), metal))
    coat, trousers = random_cloth(rng), random_cloth(rng)
    skin = Material(SKIN_TONES[0], .55, temperature=33.0)
    for side, knee_up in ((-.1, .72), (.1, .6)):
        parts += [
            Capsule(place(side, .92, -.2), place(side, knee_up, .12),
                    (.09, .065), trousers),
            Capsule(place(side, knee_up, .12), place(side, .25, .0),
                    (.06, .045), trousers),
            Capsule(place(2 * side, 1.38, .05), place(2 * side, 1.0, .38),
                    (.05, .04), coat),
        ]
    parts += [
        Capsule(place(0, .95, -.2), place(0, 1.4, .05), (.15, .17), coat),
        Capsule(place(0, 1.6, .12), place(0, 1.66, .12), (.1, .1), skin),
    ]
    return SceneObject('cyclist', 'RidableVehicle', position, (1.76, .6, 1.8),
                       yaw, tuple(_far_to_near(parts)), sound_level=58.0)
