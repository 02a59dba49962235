import numpy as np
import pytest

from mmxkd.synthetic import SceneDifficulty, canvas_camera, rasterize
from mmxkd.synthetic.fog.sampler import sample_scene
from mmxkd.synthetic.sensors.raster import SKY_DEPTH
from mmxkd.synthetic.worlds.scene import (
    Atmosphere,
    Capsule,
    Facet,
    Material,
    Road,
    Scene,
    SceneObject,
)

CAMERA = canvas_camera(0.25)
GREY = Material((.4, .4, .4), .8)
RED = Material((.8, .1, .1), .2)


def _scene(*objects):
    night = Atmosphere('clear', 'night', 0.0, (0, 0, 0), (1, 1, 1), (0, 0, 0),
                       np.array([0, -1.0, 0]), 0.0)
    return Scene(0, 0, Road(-5, 2, 2, .15, 0), night, (), objects)


def _thing(part, label='Pedestrian'):
    return SceneObject('test', label, np.array([0, 1.4, 20.0]), (1, 1, 1), 0.0,
                       (part, ))


def _ball(x, y, z, radius, material=GREY):
    centre = np.array([x, y, z])
    return Capsule(centre, centre, (radius, radius), material)


def _square(z, half, normal=-1.0, material=GREY):
    corners = np.array([[-half, -half, z], [half, -half, z], [half, half, z],
                        [-half, half, z]])
    return Facet(corners, np.array([0, 0, normal]), material)


def _pixel(x, y, z):
    u, v = CAMERA.project(np.array([[x, y, z]]))[0]
    return int(v), int(u)


def test_a_ball_is_a_disc_at_its_place():
    buffer = rasterize(_scene(_thing(_ball(1.0, 0.5, 20.0, .5))), CAMERA)
    mask = buffer.instance == 1
    rows, columns = np.nonzero(mask)
    # f r / z = 2322.4 / 4 * 0.5 / 20 = 14.515 pixels.
    centre = CAMERA.project(np.array([[1.0, .5, 20.0]]))[0]
    assert np.array([columns.mean(), rows.mean()]) + .5 == pytest.approx(
        centre, abs=.3)
    # OpenCV fills the pixels on the outline, too: up to half a pixel more.
    assert mask.sum() == pytest.approx(np.pi * 14.9**2, rel=.05)
    assert np.all(buffer.depth[mask] == 20.0)


def test_normals_of_a_ball_turn_from_left_to_right():
    buffer = rasterize(_scene(_thing(_ball(0, 0, 20.0, .5))), CAMERA)
    row, column = _pixel(0, 0, 20.0)
    left, middle, right = (buffer.normal[row, column + d]
                           for d in (-12, 0, 12))
    assert left[0] < -.6 < .6 < right[0]
    assert middle[2] < -.95
    assert np.linalg.norm(buffer.normal[buffer.instance == 1],
                          axis=1) == pytest.approx(1, abs=.03)


def test_the_nearer_object_hides_the_farther():
    far, near = _thing(_square(30.0, 2,
                               material=RED)), _thing(_square(20.0, .5))
    buffer = rasterize(_scene(far, near), CAMERA)
    inner, outer = _pixel(0, 0, 20.0), _pixel(1.5, 0, 30.0)
    assert buffer.instance[inner] == 2 and buffer.depth[inner] == 20.0
    assert buffer.instance[outer] == 1 and buffer.depth[outer] == 30.0
    assert buffer.albedo[outer][0] > 3 * buffer.albedo[outer][1]


def test_areas_count_hidden_pixels():
    far, near = _thing(_square(30.0, 2)), _thing(_square(20.0, 1))
    buffer = rasterize(_scene(far, near), CAMERA)
    alone = rasterize(_scene(far), CAMERA)
    assert buffer.areas[0] == (alone.instance == 1).sum()
    assert (buffer.instance == 1).sum() < buffer.areas[0]


def test_back_faces_are_not_drawn():
    buffer = rasterize(_scene(_thing(_square(20.0, 1, normal=1.0))), CAMERA)
    assert not buffer.instance.any()
    assert buffer.areas == [0] and buffer.outlines[0].shape == (0, 2)


def test_a_long_wall_has_a_depth_per_pixel():
    wall = np.array([[2.0, -1, 10], [2.0, -1, 40], [2.0, 1, 40], [2.0, 1, 10]])
    facet = Facet(wall, np.array([-1.0, 0, 0]), GREY)
    buffer = rasterize(_scene(_thing(facet, None)), CAMERA)
    for z in (12.0, 20.0, 35.0):
        # Half a pixel is half of z^2 / (f x) metres along the wall.
        tolerance = z**2 / (CAMERA.focal * 2.0)
        assert buffer.depth[_pixel(2.0, 0,
                                   z)] == pytest.approx(z, abs=tolerance)


def test_ground_and_sky():
    buffer = rasterize(_scene(), CAMERA)
    assert np.all(buffer.depth[0] == SKY_DEPTH)
    for z in (8.0, 15.0, 60.0):
        row, column = _pixel(0.5, 1.4, z)
        # One row is z^2 / (f h) metres of ground.
        assert buffer.depth[row, column] == pytest.approx(
            z, abs=z**2 / (CAMERA.focal * 1.4))
        assert buffer.normal[row, column, 1] == pytest.approx(-1, abs=.01)
    assert np.all(np.diff(buffer.depth[-60:], axis=0) < 0)


def test_a_frame_is_drawn_the_same_every_time():
    scenes = [sample_scene(0, 7, SceneDifficulty()) for _ in range(2)]
    first, second = (rasterize(scene, CAMERA) for scene in scenes)
    for name in ('albedo', 'normal', 'depth', 'glow', 'instance'):
        assert np.array_equal(getattr(first, name), getattr(second, name))
