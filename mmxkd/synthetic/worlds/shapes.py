"""Helpers that turn boxes and profiles into facets."""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from .scene import CAMERA_HEIGHT, Facet, Material, Part, SceneObject

Point = tuple[float, float, float]


def ground_point(x: float, z: float) -> np.ndarray:
    """The point (3, ) on the ground at ``x``, ``z``."""
    return np.array([x, CAMERA_HEIGHT, z])


def axes(yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """Forward and rightward unit vectors of a heading."""
    forward = np.array([np.sin(yaw), 0.0, np.cos(yaw)])
    return forward, np.array([np.cos(yaw), 0.0, -np.sin(yaw)])


class Placer:
    """Puts points of an object's own frame into the world.

    The own frame: u to the object's right, v up from the ground, w forward.

    Args:
        position (np.ndarray): Foot of the object, (3, ).
        yaw (float): Heading, radians.
    """

    def __init__(self, position: np.ndarray, yaw: float) -> None:
        forward, right = axes(yaw)
        self._basis = np.stack([right, [0.0, -1.0, 0.0], forward])
        self._position = position

    def point(self, u: float, v: float, w: float) -> np.ndarray:
        """One point, (3, )."""
        return self._position + np.array([u, v, w]) @ self._basis

    def facet(self, corners: ArrayLike, outward: ArrayLike,
              material: Material) -> Facet:
        """A polygon from (u, v, w) corners; ``outward`` is unit length."""
        points = self._position + np.asarray(corners) @ self._basis
        return Facet(points, np.asarray(outward) @ self._basis, material)

    def box(self, low: Point, high: Point, material: Material) -> list[Facet]:
        """The six faces of an axis-aligned box in the own frame."""
        faces = []
        for axis in range(3):
            i, j = (axis + 1) % 3, (axis + 2) % 3
            for side, sign in ((low, -1.0), (high, 1.0)):
                corners = np.empty((4, 3))
                corners[:, axis] = side[axis]
                corners[:, i] = low[i], high[i], high[i], low[i]
                corners[:, j] = low[j], low[j], high[j], high[j]
                outward = np.zeros(3)
                outward[axis] = sign
                faces.append(self.facet(corners, outward, material))
        return faces

    def extrusion(self, profile: np.ndarray, half_width: float, side: Material,
                  spans: Sequence[Material]) -> list[Facet]:
        """A side profile, pulled across the width.

        Args:
            profile (np.ndarray): (N, 2) of (w, v), clockwise seen from the
                object's right (w to the right, v up).
            half_width (float): Half of the width, metres.
            side (Material): Of the two side faces.
            spans (Sequence[Material]): Of the N faces between neighbouring
                corners of the profile; the last closes the loop.
        """
        count = len(profile)
        faces = []
        for sign in (-1.0, 1.0):
            corners = np.column_stack([
                np.full(count, sign * half_width), profile[:, 1], profile[:, 0]
            ])
            faces.append(self.facet(corners, (sign, 0.0, 0.0), side))
        for k in range(count):
            (w0, v0), (w1, v1) = profile[k], profile[(k + 1) % count]
            length = np.hypot(w1 - w0, v1 - v0)
            outward = (0.0, (w1 - w0) / length, (v0 - v1) / length)
            faces.append(
                self.facet([(-half_width, v0, w0), (half_width, v0, w0),
                            (half_width, v1, w1), (-half_width, v1, w1)],
                           outward, spans[k]))
        return faces


def placed(thing: SceneObject, factor: float = 1.0,
           lowered: float = 0.0) -> SceneObject:
    """An object scaled about its foot, and moved down.

    Args:
        thing (SceneObject): The object.
        factor (float): Its size over that before.
        lowered (float): Metres that its foot goes down.
    """
    foot = thing.position
    goal = foot + np.array([0.0, lowered, 0.0])
    height, width, length = thing.size
    return replace(_carried(thing, goal, factor),
                   size=(factor * height, factor * width, factor * length))


def moved(thing: SceneObject, way: np.ndarray) -> SceneObject:
    """An object at another place.

    Args:
        thing (SceneObject): The object.
        way (np.ndarray): From the old place to the new one, (3, ) metres.
    """
    return _carried(thing, thing.position + way, 1.0)


def _carried(thing: SceneObject, goal: np.ndarray,
             factor: float) -> SceneObject:
    """Its foot at ``goal``, all parts scaled about it."""
    foot = thing.position

    def move(points: np.ndarray) -> np.ndarray:
        return goal + factor * (points - foot)

    def change(part: Part) -> Part:
        if isinstance(part, Facet):
            return replace(part, points=move(part.points))
        first, second = part.radii
        return replace(part, start=move(part.start), end=move(part.end),
                       radii=(factor * first, factor * second))

    return replace(thing, position=goal,
                   parts=tuple(change(part) for part in thing.parts))
