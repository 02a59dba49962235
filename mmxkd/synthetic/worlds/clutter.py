"""Street furniture, trees and houses.

The pieces of :data:`DECOYS` have the size and the colours of people, so that a
blurred grey shape in the fog may be either; near infrared tells them apart.
"""

import numpy as np

from .people import random_cloth
from .scene import Capsule, Material, Part, SceneObject
from .shapes import Placer, ground_point

STEEL = Material((.35, .36, .37), .3)


def _visible_like_cloth(rng: np.random.Generator, nir: float) -> Material:
    return Material(random_cloth(rng).albedo, nir)


def shrub(rng: np.random.Generator, x: float, z: float) -> SceneObject:
    """A slim conifer: leaves are bright in the near infrared."""
    height = rng.uniform(1.3, 2.0)
    leaf = Material(tuple(rng.uniform(.4, 1.0) * np.array([.10, .17, .07])),
                    rng.uniform(.85, 1.1))
    position, place = ground_point(x, z), Placer(ground_point(x, z), 0).point
    parts: list[Part] = []
    for _ in range(9):
        v = rng.uniform(.15, .9)
        radius = .18 * (1.15 - v) * height * rng.uniform(.7, 1.0)
        centre = place(rng.uniform(-.09, .09), v * height - .1,
                       rng.uniform(-.1, .1))
        parts.append(Capsule(centre, centre, (radius, radius), leaf))
    return SceneObject('shrub', None, position, (height, .6, .6), 0.0,
                       tuple(parts))


def bin_(rng: np.random.Generator, x: float, z: float) -> SceneObject:
    """A wheeled bin: its plastic is dark in the near infrared."""
    height, half = rng.uniform(1.05, 1.4), rng.uniform(.24, .34)
    position = ground_point(x, z)
    yaw = rng.uniform(-.6, .6)
    place = Placer(position, yaw)
    body = _visible_like_cloth(rng, rng.uniform(.04, .10))
    lid = Material(tuple(.7 * np.array(body.albedo)), body.nir)
    parts = place.box((-half, .06, -half), (half, .85 * height, half), body)
    parts += place.box((-1.1 * half, .85 * height, -1.1 * half),
                       (1.1 * half, height, 1.1 * half), lid)
    return SceneObject('bin', None, position, (height, 2 * half, 2 * half),
                       yaw, tuple(parts))


def pillar(rng: np.random.Generator, x: float, z: float) -> SceneObject:
    """A stone post of a person's height."""
    height, radius = rng.uniform(1.3, 1.9), rng.uniform(.14, .24)
    position, place = ground_point(x, z), Placer(ground_point(x, z), 0).point
    stone = _visible_like_cloth(rng, rng.uniform(.06, .16))
    knob = Capsule(place(0, height - radius, 0), place(0, height - radius, 0),
                   (1.05 * radius, 1.05 * radius), stone)
    shaft = Capsule(place(0, .05, 0), place(0, height - 1.8 * radius, 0),
                    (radius, .8 * radius), stone)
    return SceneObject('pillar', None, position,
                       (height, 2 * radius, 2 * radius), 0.0, (shaft, knob))


def meter(rng: np.random.Generator, x: float, z: float) -> SceneObject:
    """A parking meter: a body on a leg, with a head on top."""
    height = rng.uniform(1.45, 1.85)
    position, yaw = ground_point(x, z), rng.uniform(-.5, .5)
    place = Placer(position, yaw)
    paint = _visible_like_cloth(rng, rng.uniform(.08, .18))
    leg = Capsule(place.point(0, 0.05, 0), place.point(0, .6 * height, 0),
                  (.10, .10), STEEL)
    body = place.box((-.22, .42 * height, -.14), (.22, .82 * height, .14),
                     paint)
    head = Capsule(place.point(0, .9 * height, 0),
                   place.point(0, .93 * height, 0), (.12, .11), paint)
    return SceneObject('meter', None, position, (height, .44, .28), yaw,
                       (leg, *body, head))


def sign(rng: np.random.Generator, x: float, z: float) -> SceneObject:
    """A traffic sign: retroreflective, so glaring in the gated slices."""
    height, half = rng.uniform(1.9, 2.6), rng.uniform(.25, .4)
    position = ground_point(x, z)
    place = Placer(position, rng.uniform(-.3, .3))
    colours = ((.75, .1, .1), (.1, .2, .6), (.8, .75, .2))
    plate = Material(colours[rng.integers(3)], 2.0)
    white = Material((.85, .85, .85), 2.0)
    pole = Capsule(place.point(0, 0.05, 0), place.point(0, height, 0),
                   (.04, .04), STEEL)
    angles = np.linspace(0, 2 * np.pi, 13 if rng.random() < .6 else 4)[:-1]
    parts: list[Part] = [pole]
    for scale, w, material in ((1.0, -.05, plate), (.65, -.06, white)):
        parts.append(
            place.facet([(scale * half * np.sin(a),
                          height - half + scale * half * np.cos(a), w)
                         for a in angles], (0.0, 0.0, -1.0), material))
    return SceneObject('sign', None, position, (height, 2 * half, .1), 0.0,
                       tuple(parts))


def lamp_post(x: float, z: float, side: float, lit: bool) -> SceneObject:
    """A street lamp that leans over the road."""
    position, place = ground_point(x, z), Placer(ground_point(x, z), 0).point
    glow = Material((1.0, .85, .6), .6, glow=8.0 if lit else 0.0)
    parts = (Capsule(place(0, 0.05, 0), place(0, 6.5, 0), (.09, .06), STEEL),
             Capsule(place(0, 6.5, 0), place(-side * 1.2, 6.8, 0), (.05, .05),
                     STEEL),
             Capsule(place(-side * 1.0, 6.75, 0), place(-side * 1.5, 6.8, 0),
                     (.1, .1), glow))
    return SceneObject('lamp_post', None, position, (6.8, .2, .2), 0.0, parts)


def tree(rng: np.random.Generator, x: float, z: float) -> SceneObject:
    """A broad-leaved tree."""
    height = rng.uniform(4.5, 9.0)
    position, place = ground_point(x, z), Placer(ground_point(x, z), 0).point
    bark = Material((.16, .12, .09), .3)
    parts: list[Part] = [
        Capsule(place(0, .1, 0), place(0, .55 * height, 0), (.18, .12), bark)
    ]
    shade = rng.uniform(.5, 1.1)
    for _ in range(14):
        centre = place(
            rng.normal(0, .16) * height,
            rng.uniform(.5, .95) * height,
            rng.uniform(-.1, .1) * height)
        radius = rng.uniform(.08, .15) * height
        leaf = Material(
            tuple(shade * rng.uniform(.7, 1.2) * np.array([.11, .19, .06])),
            .8)
        parts.append(Capsule(centre, centre, (radius, radius), leaf))
    return SceneObject('tree', None, position,
                       (height, .4 * height, .4 * height), 0.0, tuple(parts))


def house(rng: np.random.Generator, x: float, z0: float, z1: float,
          lit: bool) -> SceneObject:
    """A terrace along the road, with windows towards it.

    Args:
        rng (np.random.Generator): For its looks.
        x (float): The facade; the house lies beyond it, away from x = 0.
        z0 (float): Near end, metres.
        z1 (float): Far end, metres.
        lit (bool): Whether some windows shine.
    """
    height, depth = rng.uniform(6.0, 12.0), 8.0
    position = ground_point(x, (z0 + z1) / 2)
    place = Placer(position, 0.0)
    tone = rng.uniform(.15, .5) * np.array(
        [1.0, rng.uniform(.75, 1.0),
         rng.uniform(.6, .95)])
    wall = Material(tuple(tone), rng.uniform(.2, .5))
    outer = np.sign(x) * depth
    low, high = min(0.0, outer), max(0.0, outer)
    half = (z1 - z0) / 2
    parts: list[Part] = list(
        place.box((low, 0, -half), (high, height, half), wall))
    dark = Material((.06, .07, .09), .05)
    shine = Material((1.0, .8, .5), .05, glow=.25)
    inward = -np.sign(x)
    step = max(3.0, 2 * half / 10)
    for v in np.arange(1.0, height - 1.8, 3.0).tolist():
        for w in np.arange(-half + 1.0, half - 1.2, step).tolist():
            glass = shine if lit and rng.random() < .2 else dark
            parts.append(
                place.facet([(inward * .02, v, w), (inward * .02, v, w + 1.1),
                             (inward * .02, v + 1.5, w + 1.1),
                             (inward * .02, v + 1.5, w)], (inward, 0.0, 0.0),
                            glass))
        for u in np.arange(low + 1.0, high - 1.2, 2.6).tolist():
            parts.append(
                place.facet([(u, v, -half - .02), (u + 1.0, v, -half - .02),
                             (u + 1.0, v + 1.5, -half - .02),
                             (u, v + 1.5, -half - .02)], (0.0, 0.0, -1.0),
                            dark))
    return SceneObject('house', None, position, (height, depth, 2 * half), 0.0,
                       tuple(parts))


DECOYS = (shrub, bin_, pillar, meter)
