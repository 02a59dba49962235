"""Where rays meet the parts of a scene, in closed form.

Every function takes an origin (3, ) and unit directions (..., 3) and gives the
distance along each ray, ``inf`` where it passes by.
"""
from typing import NamedTuple

import numpy as np

from mmxkd.synthetic.worlds.scene import Capsule, Facet


class Hits(NamedTuple):
    """What a set of rays of shape S meets of one part.

    Attributes:
        distance: (*S) metres, ``inf`` where the ray passes by.
        facing: (*S) cosine between the surface's normal and the way back,
            0..1; without meaning where the ray passes by.
    """

    distance: np.ndarray
    facing: np.ndarray


def meet_ground(origin: np.ndarray, directions: np.ndarray,
                height: float) -> np.ndarray:
    """Distances to the plane y = ``height`` (y points down).

    Examples:
        >>> down = np.array([[0., .6, .8], [0., 0., 1.]])
        >>> meet_ground(np.zeros(3), down, 1.5)
        array([2.5, inf])
    """
    with np.errstate(divide='ignore'):
        distance = (height - origin[1]) / directions[..., 1]
    return np.where(distance > 0, distance, np.inf)


def meet_facet(origin: np.ndarray, directions: np.ndarray,
               facet: Facet) -> Hits:
    """Rays against a flat polygon, which is there from its front alone."""
    facing = -(directions @ facet.normal)
    reach = (origin - facet.points[0]) @ facet.normal
    distance = np.full(facing.shape, np.inf)
    ahead = (facing > 0) & (reach > 0)
    distance[ahead] = reach / facing[ahead]
    points = origin + distance[ahead][:, None] * directions[ahead]
    # Seen along the axis that it faces most, the polygon is not squeezed.
    kept = np.delete(np.arange(3), np.argmax(np.abs(facet.normal)))
    inside = _inside(points[:, kept], facet.points[:, kept])
    distance[ahead] = np.where(inside, distance[ahead], np.inf)
    return Hits(distance, facing)


def _inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Which points (N, 2) lie in a polygon (M, 2): those with an odd number
    of edges to their right (so it need not be convex).
    """
    x, y = points[:, :1], points[:, 1:]
    (x0, y0), (x1, y1) = corners.T, np.roll(corners, -1, axis=0).T
    rise = np.where(y1 == y0, 1, y1 - y0)  # level edges are never crossed
    crossed = ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / rise)
    return np.sum(crossed, axis=1) % 2 == 1


def meet_capsule(origin: np.ndarray, directions: np.ndarray,
                 capsule: Capsule) -> Hits:
    """Rays against the hull of two spheres.

    Between the spheres the hull is a cone that touches both. With n the unit
    axis, L its length, s = (r0 - r1) / L and c = sqrt(1 - s^2), a point at
    the height u along the axis and at the distance rho from it lies on that
    cone where c rho + s u = r0, and between the circles of contact where
    0 <= c u - s rho <= c L. The square of the first is a quadratic equation
    in the distance along the ray, a t^2 + 2 b t + k = 0; at a root, a t + b
    is c rho times the slope of the ray against the surface, so that
    (-b - sqrt(b^2 - a k)) / a is where it enters, whatever the sign of a.
    """
    start, end = origin - capsule.start, origin - capsule.end
    first, second = capsule.radii
    hits = _nearer(_meet_sphere(start, directions, first),
                   _meet_sphere(end, directions, second))
    length = float(np.linalg.norm(capsule.end - capsule.start))
    if length <= abs(first - second):  # one sphere holds the other
        return hits
    axis = (capsule.end - capsule.start) / length
    s = (first - second) / length
    c = np.sqrt(1 - s**2)
    u0, u1 = start @ axis, directions @ axis
    a = c**2 - u1**2
    b = c**2 * (directions @ start) + (s * first - u0) * u1
    k = c**2 * (start @ start - u0**2) - (first - s * u0)**2
    with np.errstate(divide='ignore', invalid='ignore'):
        spread = np.sqrt(b**2 - a * k)
        t = (-b - spread) / a
        u = u0 + t * u1
        c_rho = first - s * u
        # In units of c: the place between the circles of contact.
        place = u - s * (first - s * u) / c**2
        met = (t > 0) & (c_rho > 0) & (place >= 0) & (place <= length)
        return _nearer(hits, Hits(np.where(met, t, np.inf), spread / c_rho))


def _meet_sphere(centre: np.ndarray, directions: np.ndarray,
                 radius: float) -> Hits:
    """Where rays enter a sphere; ``centre`` points from its centre to their
    origin.
    """
    along = directions @ centre
    with np.errstate(invalid='ignore'):
        half = np.sqrt(along**2 - centre @ centre + radius**2)
    distance = -along - half
    met = distance > 0  # not so for nan, either
    return Hits(np.where(met, distance, np.inf), half / radius)


def _nearer(one: Hits, other: Hits) -> Hits:
    closer = other.distance < one.distance
    return Hits(np.where(closer, other.distance, one.distance),
                np.where(closer, other.facing, one.facing))
