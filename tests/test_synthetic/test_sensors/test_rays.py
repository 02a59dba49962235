import numpy as np
import pytest

from mmxkd.synthetic.sensors.rays import meet_capsule, meet_facet, meet_ground
from mmxkd.synthetic.worlds.scene import Capsule, Facet, Material

GREY = Material((.4, .4, .4), .5)
ORIGIN = np.zeros(3)
AHEAD = np.array([[0.0, 0.0, 1.0]])


def _capsule(start, end, first, second):
    return Capsule(np.array(start, float), np.array(end, float),
                   (first, second), GREY)


def _facet(points, normal):
    return Facet(np.array(points, float), np.array(normal, float), GREY)


def _towards(*targets):
    rays = np.array(targets, float)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def test_ground_by_hand():
    # 1.5 m down at 30 degrees is 3 m along the ray.
    rays = np.array([[0, .5, np.sqrt(.75)], [0, -.5, np.sqrt(.75)], [0, 0, 1]])
    assert meet_ground(ORIGIN, rays, 1.5) == pytest.approx([3, np.inf, np.inf])


def test_sphere_by_hand():
    ball = _capsule((1, 0, 10), (1, 0, 10), 2, 2)
    hits = meet_capsule(
        ORIGIN,
        np.concatenate([AHEAD,
                        _towards((1, 0, 10), (4, 0, 10), (0, 0, -1))]), ball)
    # 1 m beside the centre: 10 - sqrt(4 - 1), at a cosine of sqrt(3) / 2.
    assert hits.distance == pytest.approx(
        [10 - np.sqrt(3), np.sqrt(101) - 2, np.inf, np.inf])
    assert hits.facing[:2] == pytest.approx([np.sqrt(.75), 1])


def test_upright_capsule_by_hand():
    post = _capsule((0, -1, 10), (0, 1, 10), 1, 1)
    rays = np.concatenate([AHEAD, _towards((0, 1, 9.0))])
    hits = meet_capsule(ORIGIN, rays, post)
    assert hits.distance[0] == pytest.approx(9)
    assert hits.facing[0] == pytest.approx(1)
    # The second ends where y = 1 on the shaft's front, at z = 9.
    assert hits.distance[1] == pytest.approx(np.sqrt(82))
    assert hits.facing[1] == pytest.approx(9 / np.sqrt(82))


def test_tapered_capsule_by_hand():
    # s = 1/4, c = sqrt(15/16); at u = 2, rho = (2 - 2/4) / c.
    cone = _capsule((0, -2, 10), (0, 2, 10), 2, 1)
    hits = meet_capsule(ORIGIN, AHEAD, cone)
    c = np.sqrt(15 / 16)
    assert hits.distance == pytest.approx([10 - 1.5 / c])
    assert hits.facing == pytest.approx([c])


@pytest.mark.parametrize('seed', range(6))
def test_capsules_are_hulls_of_spheres(seed):
    """Against the nearest of many spheres between the two."""
    rng = np.random.default_rng(seed)
    start, end = rng.uniform(-2, 2, (2, 3)) + [0, 0, 8]
    if seed == 0:  # along the rays
        end = 1.3 * start
    radii = rng.uniform(.2, 1.5, 2)
    rays = _towards(*((start + end) / 2 + rng.uniform(-2, 2, (400, 3))))
    hits = meet_capsule(ORIGIN, rays, _capsule(start, end, *radii))
    nearest = np.full(len(rays), np.inf)
    for share in np.linspace(0, 1, 3001):
        centre = start + share * (end - start)
        radius = radii[0] + share * (radii[1] - radii[0])
        along = rays @ centre
        root = along**2 - centre @ centre + radius**2
        distance = along - np.sqrt(np.maximum(root, 0))
        nearest = np.minimum(nearest, np.where(root > 0, distance, np.inf))
    met = np.isfinite(nearest)
    assert 30 < met.sum() < 400
    assert np.mean(np.isfinite(hits.distance) != met) < .01
    both = met & np.isfinite(hits.distance)
    # Between two of the 3001 spheres lies a dent of a few micrometres, but
    # for rays that only just touch.
    away = np.abs(hits.distance[both] - nearest[both])
    assert np.quantile(away, .95) < 1e-5 and away.max() < .02


def test_a_sphere_inside_the_other_does_not_show():
    nested = _capsule((0, 0, 10), (0, .2, 10), 2, 1)
    assert meet_capsule(ORIGIN, AHEAD, nested).distance == pytest.approx([8])
    assert meet_capsule(ORIGIN, AHEAD, _capsule(
        (0, 0, 10), (0, .2, 10), 1,
        2)).distance == pytest.approx([10 - np.sqrt(4 - .04)])


def test_facet_by_hand():
    wall = _facet([(-1, -1, 20), (3, -1, 20), (3, 1, 20), (-1, 1, 20)],
                  (0, 0, -1))
    rays = np.concatenate([
        AHEAD,
        _towards((2.9, 0, 20), (3.1, 0, 20), (0, 1.1, 20), (0, 0, -20))
    ])
    hits = meet_facet(ORIGIN, rays, wall)
    assert hits.distance == pytest.approx(
        [20, np.hypot(2.9, 20), np.inf, np.inf, np.inf])
    assert hits.facing[:2] == pytest.approx([1, 20 / np.hypot(2.9, 20)])


def test_facets_have_one_side():
    wall = _facet([(-1, -1, 20), (1, -1, 20), (1, 1, 20), (-1, 1, 20)],
                  (0, 0, 1))
    assert meet_facet(ORIGIN, AHEAD, wall).distance == pytest.approx([np.inf])
    beyond = np.array([0.0, 0.0, 25.0])
    assert meet_facet(beyond, -AHEAD, wall).distance == pytest.approx([5])


def test_facets_need_not_be_convex():
    notched = _facet([(-2, 2, 10), (2, 2, 10), (2, -2, 10), (0, 1, 10),
                      (-2, -2, 10)], (0, 0, -1))
    rays = _towards((0, 0, 10), (0, 1.5, 10), (1.8, -1, 10), (-1.8, -1, 10))
    assert np.isfinite(meet_facet(
        ORIGIN, rays, notched).distance).tolist() == [False, True, True, True]


def test_rays_may_be_a_grid():
    rays = np.broadcast_to(AHEAD[0], (3, 4, 3))
    ball = _capsule((0, 0, 5), (0, 0, 5), 1, 1)
    assert np.array_equal(
        meet_capsule(ORIGIN, rays, ball).distance, np.full((3, 4), 4.0))
    wall = _facet([(-1, -1, 5), (1, -1, 5), (1, 1, 5), (-1, 1, 5)], (0, 0, -1))
    assert np.array_equal(
        meet_facet(ORIGIN, rays, wall).distance, np.full((3, 4), 5.0))
