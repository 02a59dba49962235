"""Who stands before whom: the order of painting, from far to near."""
import heapq
from collections.abc import Sequence

import numpy as np

from .boxes import box_of
from .scene import SceneObject


def paint_order(things: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    """Objects in an order in which nothing is painted over what hides it.

    Of two objects whose boxes stand apart on the ground, a face of one box
    parts them; the one on the camera's side of its plane may hide the other
    and is painted later. Objects that no face parts, or that hide each other
    in a circle, are painted by their distance along z, far to near.
    """
    covers = _may_cover(things)
    waiting = covers.sum(axis=0)
    done = np.zeros(len(things), bool)
    ready = [(-things[i].distance, i) for i in np.flatnonzero(waiting == 0)]
    heapq.heapify(ready)
    order: list[SceneObject] = []
    while len(order) < len(things):
        if not ready:  # a circle: open it at the farthest
            ready = [
                min((-things[i].distance, i) for i in np.flatnonzero(~done))
            ]
        _, i = heapq.heappop(ready)
        done[i] = True
        order.append(things[i])
        waiting -= covers[i]
        for j in np.flatnonzero(covers[i] & (waiting == 0) & ~done):
            heapq.heappush(ready, (-things[j].distance, j))
    return tuple(order)


def _may_cover(things: Sequence[SceneObject]) -> np.ndarray:
    """(N, N) bool: at [i, j], whether j may hide i, and i cannot hide j."""
    # (x, z) of the four corners, counter-clockwise.
    corners = np.array([
        box_of(thing).corners()[:4, [0, 2]] for thing in things
    ]).reshape(-1, 4, 2)
    edges = np.roll(corners, -1, axis=1) - corners
    outward = np.stack([edges[..., 1], -edges[..., 0]], axis=-1)
    offset = np.sum(outward * corners, axis=-1)
    # At [i, f, j]: all of j lies before face f of i.
    along = np.einsum('ifk,jck->ifjc', outward, corners)
    beyond = np.all(along >= offset[..., None, None], axis=-1)
    camera_beyond = (offset <= 0)[..., None]  # the camera is at 0, 0
    nearer = (np.any(beyond & camera_beyond, axis=1)
              | np.any(beyond & ~camera_beyond, axis=1).T)
    return nearer & ~nearer.T
