"""Tight 3-D boxes around objects, and who stands before whom."""
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .scene import Capsule, SceneObject
from .shapes import axes


@dataclass(frozen=True)
class Box:
    """Upright box around all parts of an object.

    Attributes:
        bottom: Centre of its lower face, on the ground, (3, ) metres, world.
        size: Height, width, length, metres.
        yaw: Heading about y, radians; 0 looks along +z.
    """

    bottom: np.ndarray
    size: tuple[float, float, float]
    yaw: float

    def corners(self) -> np.ndarray:
        """(8, 3): the lower four around, then the upper four."""
        height, width, length = self.size
        forward, right = axes(self.yaw)
        flat = [side * width / 2 * right + end * length / 2 * forward
                for side, end in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        lower = self.bottom + np.array(flat)
        return np.concatenate([lower, lower - [0, height, 0]])

    def contains(self, points: np.ndarray, margin: float) -> np.ndarray:
        """Which world points (N, 3) lie in the box, grown by ``margin``."""
        height, width, length = self.size
        forward, right = axes(self.yaw)
        away = points - self.bottom
        return ((np.abs(away @ forward) <= length / 2 + margin)
                & (np.abs(away @ right) <= width / 2 + margin)
                & (away[:, 1] <= margin) & (away[:, 1] >= -height - margin))


def box_of(thing: SceneObject) -> Box:
    """The box of an object, from its parts and its heading."""
    forward, right = axes(thing.yaw)
    basis = np.stack([right, [0.0, -1.0, 0.0], forward])
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for part in thing.parts:
        if isinstance(part, Capsule):
            points = np.stack([part.start, part.end])
            radii = np.array(part.radii)[:, None]
        else:
            points, radii = part.points, np.zeros((1, 1))
        own = (points - thing.position) @ basis.T
        low = np.minimum(low, (own - radii).min(0))
        high = np.maximum(high, (own + radii).max(0))
    middle = (low + high) / 2
    middle[1] = 0.0  # boxes stand on the ground, as things do
    _, _, length = high - low
    return Box(thing.position + middle @ basis,
               (float(high[1]), float(high[0] - low[0]), float(length)),
               thing.yaw)


def paint_order(things: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    """Objects in an order in which nothing is painted over what hides it.

    Of two objects whose boxes stand apart on the ground, a face of one box
    parts them; the one on the camera's side of its plane may hide the other
    and is painted later. Objects that no face parts, or that hide each other
    in a circle, are painted by their distance along z, far to near.
    """
    corners = np.array([box_of(thing).corners()[:4, [0, 2]]
                        for thing in things]).reshape(-1, 4, 2)
    edges = np.roll(corners, -1, axis=1) - corners
    # The corners go round counter-clockwise in (x, z).
    outward = np.stack([edges[..., 1], -edges[..., 0]], axis=-1)
    offset = np.sum(outward * corners, axis=-1)  # > 0: camera is behind
    # beyond[i, f, j]: all of j lies before face f of i.
    beyond = np.all(np.einsum('ifk,jck->ifjc', outward, corners)
                    >= offset[..., None, None], axis=-1)
    camera_beyond = (offset <= 0)[..., None]
    may_hide = np.any(beyond & camera_beyond, axis=1)  # j before i
    may_be_hidden = np.any(beyond & ~camera_beyond, axis=1)
    in_front = may_hide | may_be_hidden.T  # [i, j]: j is before i
    in_front &= ~in_front.T
    waiting = in_front.sum(axis=0)
    done = np.zeros(len(things), bool)
    ready = [(-things[i].distance, i) for i in np.flatnonzero(waiting == 0)]
    heapq.heapify(ready)
    order: list[int] = []
    while len(order) < len(things):
        if not ready:  # a circle: open it at the farthest
            left = np.flatnonzero(~done)
            ready = [min((-things[i].distance, i) for i in left)]
        _, i = heapq.heappop(ready)
        done[i] = True
        order.append(int(i))
        waiting -= in_front[i]
        for j in np.flatnonzero(in_front[i] & (waiting == 0) & ~done):
            heapq.heappush(ready, (-things[j].distance, j))
    return tuple(things[i] for i in order)
