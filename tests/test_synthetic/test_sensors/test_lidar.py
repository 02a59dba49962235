import numpy as np
import pytest

from mmxkd.synthetic import (
    Lidar,
    box_of,
    kitti_calibration,
    kitti_camera,
    kitti_lidar,
    rasterize,
    sample_kitti_scene,
    scan,
)
from mmxkd.synthetic.sensors.lidar import ELEVATIONS
from mmxkd.synthetic.sensors.rays import meet_capsule, meet_facet, meet_ground
from mmxkd.synthetic.worlds.scene import Capsule
from tests.helpers.box_contains import box_contains

HEIGHT = 1.65
LEVEL = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
                 float)


def _lidar(**options):
    return Lidar(LEVEL, **{'azimuth_step': 1.0, 'noise': 0.0, **options})


def test_sixty_four_beams_as_the_hdl64():
    assert ELEVATIONS.shape == (64, )
    assert ELEVATIONS[[0, -1]] == pytest.approx([2, -24.9])
    assert np.all(np.diff(ELEVATIONS) < 0)


def test_azimuths_go_from_left_to_right():
    degrees = np.rad2deg(_lidar(half_view=45.0).azimuths)
    assert len(degrees) == 91 and degrees[[0, 45, 90]] == pytest.approx(
        [45, 0, -45])


def test_rings_on_bare_ground(make_scene):
    points = scan(make_scene(), _lidar(), HEIGHT).points
    assert points.dtype == np.float32
    assert points[:, 2] == pytest.approx(-HEIGHT, abs=1e-5)
    radii = np.unique(np.hypot(points[:, 0], points[:, 1]).round(3))
    expected = HEIGHT / np.tan(np.deg2rad(-ELEVATIONS[ELEVATIONS < 0]))
    expected = expected[np.hypot(expected, HEIGHT) < 80]
    assert len(points) == 91 * len(expected)
    assert np.sort(expected) == pytest.approx(radii, abs=.002)


def test_echoes_of_the_ground_tell_its_kinds(make_scene):
    points = scan(make_scene(), _lidar(azimuth_step=.2), HEIGHT).points
    x, z = -points[:, 1], points[:, 0]
    near = np.hypot(x, z) < 10
    road = near & (x > -1) & (x < 1)
    grass = near & (x > 4.2)
    # NIR reflectance: asphalt 22 / 255 of 2, grass 70 / 255 of 2; flat rays
    # get half of the light back.
    assert points[road, 3].mean() == pytest.approx(.17 * .6, abs=.03)
    assert points[grass, 3].mean() == pytest.approx(.55 * .6, abs=.04)


def test_wall_by_hand(make_scene, make_wall):
    result = scan(make_scene(make_wall(20.0, nir=.6)), _lidar(), HEIGHT)
    wall = result.points[result.instance == 1]
    assert wall[:, 0] == pytest.approx(20, abs=1e-4)
    # Reflectance falls with the cosine, here 20 / range.
    ranges = np.linalg.norm(wall[:, :3], axis=1)
    assert wall[:, 3] == pytest.approx(.6 * 20 / ranges, abs=.0051)
    assert result.points[result.instance == 0, 0].max() < 20


def test_a_wall_in_front_hides(make_scene, make_wall, make_block):
    car = make_block(0, 30)
    for order in ((car, make_wall(20.0)), (make_wall(20.0), car)):
        seen = scan(make_scene(*order), _lidar(azimuth_step=.2), HEIGHT)
        assert order[seen.instance.max() - 1].kind == 'wall'
        assert len(set(seen.instance)) == 2
    open_view = scan(make_scene(car), _lidar(azimuth_step=.2), HEIGHT)
    assert (open_view.instance == 1).sum() > 20
    # A low wall leaves the upper part of the car.
    low = scan(make_scene(car, make_wall(20.0, height=1.0)),
               _lidar(azimuth_step=.2), HEIGHT)
    left = low.points[low.instance == 1]
    # By the intercept theorem: sight over the edge, .65 m below the scanner
    # at 20 m, ends at .65 * 28 / 20 at the car's front.
    assert len(left) and left[:, 2].min() > -.65 * 28 / 20 - 1e-3


def test_nothing_beyond_the_range(make_scene, make_wall):
    far = scan(make_scene(make_wall(60.0)), _lidar(max_range=50.0), HEIGHT)
    assert not (far.instance == 1).any()
    assert np.linalg.norm(far.points[:, :3], axis=1).max() <= 50


def test_noise_is_along_the_ray_and_seeded(make_scene, make_wall):
    scene = make_scene(make_wall(20.0))
    exact, noisy, again = (scan(scene, _lidar(noise=noise),
                                HEIGHT).points[:, :3].astype(float)
                           for noise in (0, .02, .02))
    assert np.array_equal(noisy, again)
    ranges = np.linalg.norm(exact, axis=1)
    assert noisy / np.linalg.norm(noisy, axis=1)[:, None] == pytest.approx(
        exact / ranges[:, None], abs=1e-6)
    errors = np.linalg.norm(noisy, axis=1) - ranges
    assert errors.std() == pytest.approx(.02, rel=.1)


def test_the_windows_leave_nothing_out():
    """Against every ray with every part."""
    scene = sample_kitti_scene(1, 2)
    lidar = kitti_lidar(1.5)
    elevation, azimuth = np.meshgrid(np.deg2rad(ELEVATIONS), lidar.azimuths,
                                     indexing='ij')
    own = np.stack([
        np.cos(elevation) * np.cos(azimuth),
        np.cos(elevation) * np.sin(azimuth),
        np.sin(elevation)
    ], axis=-1)
    rays, origin = own @ lidar.to_world[:3, :3].T, lidar.to_world[:3, 3]
    nearest = meet_ground(origin, rays, HEIGHT)
    instance = np.zeros(nearest.shape, int)
    for number, thing in enumerate((*scene.objects, *scene.backdrop), 1):
        for part in thing.parts:
            meet = meet_capsule if isinstance(part, Capsule) else meet_facet
            distance = meet(origin, rays, part).distance
            instance[distance < nearest] = (number if number <= len(
                scene.objects) else 0)
            nearest = np.minimum(nearest, distance)
    quiet = Lidar(lidar.to_world, 1.5, noise=0.0)
    result = scan(scene, quiet, HEIGHT)
    seen = nearest <= 80
    assert np.array_equal(result.instance, instance[seen])
    assert np.linalg.norm(result.points[:, :3],
                          axis=1) == pytest.approx(nearest[seen], abs=1e-4)


@pytest.fixture(scope='module')
def street():
    scene = sample_kitti_scene(0, 5)
    camera, lidar = kitti_camera(.5), kitti_lidar(.17)
    return scene, camera, lidar, rasterize(scene,
                                           camera), scan(scene, lidar, HEIGHT)


def test_the_scan_falls_on_what_the_camera_sees(street):
    scene, camera, _, surfaces, echoes = street
    points = np.column_stack(
        [echoes.points[:, :3].astype(float),
         np.ones(len(echoes.points))])
    image = points @ kitti_calibration(.5).lidar_to_image.T
    pixels = image[:, :2] / image[:, 2:]
    shown = np.all((pixels >= 0) & (pixels < camera.size), axis=1)
    column, row = pixels[shown].astype(int).T
    assert shown.sum() > 15000
    same = surfaces.instance[row, column] == echoes.instance[shown]
    # The rest lies at edges: the scanner sees past them from its own place.
    assert same.mean() > .96
    assert same[echoes.instance[shown] > 0].mean() > .93
    depth = image[shown, 2]
    off = np.abs(surfaces.depth[row, column] - depth)[same]
    # Small parts have one depth in the picture, that of their middle.
    assert np.mean(off < .02 * depth[same] + .3) > .97


def test_points_of_an_object_lie_in_its_box(street):
    scene, _, lidar, _, echoes = street
    world = (echoes.points[:, :3].astype(float) @ lidar.to_world[:3, :3].T
             + lidar.to_world[:3, 3])
    found = 0
    for number, thing in enumerate(scene.objects, start=1):
        own = world[echoes.instance == number]
        # Four standard deviations of the range noise.
        assert box_contains(box_of(thing), own, .06).all()
        found += len(own) > 20
    assert found >= 5
