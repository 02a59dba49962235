import math

import numpy as np
import pytest

from mmxkd.formats.kitti import (
    KittiCalibration,
    project_depth,
    read_calibration,
    read_scan,
)

H, W = 6, 10


def looking_along_x(focal=10.0, centre=(5.0, 3.0), shift=(0.0, 0.0, 0.0)):
    """A camera at the LiDAR's place: u = cx - f y / x, v = cy - f z / x."""
    return KittiCalibration(
        P2=np.array([[focal, 0, centre[0], shift[0]],
                     [0, focal, centre[1], shift[1]], [0, 0, 1, shift[2]]]),
        R0_rect=np.eye(3), Tr_velo_to_cam=np.array([[0, -1, 0,
                                                     0], [0, 0, -1, 0],
                                                    [1, 0, 0, 0]]))


def tilted(rng):
    """A rig that looks anywhere, with all the small terms of a real one."""
    rotations = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2)]
    return KittiCalibration(
        P2=np.array([[rng.uniform(200, 2000), 0, 310, 45], [0, 720, 93, .2],
                     [0, 0, 1, .003]]),
        R0_rect=rotations[0] * np.sign(np.linalg.det(rotations[0])),
        Tr_velo_to_cam=np.column_stack([
            rotations[1] * np.sign(np.linalg.det(rotations[1])),
            rng.normal(0, .5, 3)
        ]))


def one_by_one(points, calibration, height, width):
    """Point for point, in Python's own numbers."""
    depth = np.zeros((height, width), np.float32)
    camera_rows = calibration.lidar_to_camera[:3].tolist()
    image_rows = calibration.P2.tolist()

    def times(row, xyz):
        return sum(a * b for a, b in zip(row, (*xyz, 1.0), strict=True))

    for point in points[:, :3].astype(float).tolist():
        camera = [times(row, point) for row in camera_rows]
        q = [times(row, camera) for row in image_rows]
        if camera[2] <= 0 or q[2] <= 0:
            continue
        u, v = math.floor(q[0] / q[2]), math.floor(q[1] / q[2])
        if 0 <= u < width and 0 <= v < height and (depth[v, u] == 0
                                                   or camera[2] < depth[v, u]):
            depth[v, u] = camera[2]
    return depth


def test_points_fall_into_their_pixels():
    points = np.array(
        [
            [10, 0, 0, .5],  # u, v = 5, 3
            [20, -5, 3, .5],  # 5 + 2.5, 3 - 1.5
            [8, 4, 0, .5],  # 5 - 5, 3: the very left border is inside
            [8, -4, 0, .5],  # 5 + 5: the right border is not
            [10, 0, 3, .5],  # v = 0, the upper border
            [10, 0, -3, .5],  # v = 6, the lower border
            [-10, 0, 0, .5],  # behind
            [0, 0, 0, .5],  # in the camera
            [0, 1, 1, .5],  # beside it
        ],
        np.float32)
    expected = np.zeros((H, W), np.float32)
    expected[3, 5], expected[1, 7], expected[3,
                                             0], expected[0,
                                                          5] = (10, 20, 8, 10)
    depth = project_depth(points, looking_along_x(), H, W)
    np.testing.assert_array_equal(depth, expected)
    assert depth.dtype == np.float32


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_nearest_hit_of_a_pixel_wins(order):
    points = np.array([[30, -.1, 0], [12.5, -.1, 0], [70, -.1, 0]])
    depth = project_depth(points[list(order)], looking_along_x(), H, W)
    assert depth[3, 5] == 12.5
    assert np.count_nonzero(depth) == 1


def test_depth_is_that_of_the_camera_and_pixels_that_of_p2():
    """P2[2, 3] shifts the divisor, not the depth."""
    calibration = looking_along_x(shift=(45, 0, 2))
    # (10 · 0 + 5 · 8 + 45) / (8 + 2) = 8.5
    depth = project_depth(np.array([[8., 0, 0]]), calibration, H, W)
    assert depth[2, 8] == 8  # 3 · 8 / 10 = 2.4
    assert np.count_nonzero(depth) == 1


def test_points_before_the_camera_but_behind_the_projection_are_dropped():
    calibration = looking_along_x(shift=(0, 0, -2))
    points = np.array([[1., 0, 0], [2., 0, 0]])
    assert not project_depth(points, calibration, H, W).any()


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_equal_to_one_by_one(seed, dtype):
    rng = np.random.default_rng(seed)
    calibration = tilted(rng)
    points = rng.normal(0, 15, (4000, 4)).astype(dtype)
    expected = one_by_one(points, calibration, 187, 620)
    assert np.count_nonzero(expected) > 20
    np.testing.assert_array_equal(project_depth(points, calibration, 187, 620),
                                  expected)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('scale', [1e-2, 1.0, 1e3])
def test_float32_test_drops_no_point_near_the_border(seed, scale):
    """Points on the first and the last column, to the rounding of float32."""
    rng = np.random.default_rng(seed)
    calibration = tilted(rng)
    pixels = np.column_stack([
        rng.choice([0, 620], 2000) + rng.normal(0, 1e-4, 2000),
        rng.uniform(0, 187, 2000)
    ])
    camera = calibration.unproject(pixels, scale * rng.uniform(1, 80, 2000))
    lidar = (np.column_stack([camera, np.ones(2000)])
             @ calibration.camera_to_lidar.T)[:, :3].astype(np.float32)
    expected = one_by_one(lidar, calibration, 187, 620)
    assert 300 < np.count_nonzero(expected)
    np.testing.assert_array_equal(project_depth(lidar, calibration, 187, 620),
                                  expected)


@pytest.mark.parametrize('columns', [3, 4, 5])
def test_empty_scan_and_nothing_in_sight(columns):
    calibration = looking_along_x()
    for points in (np.zeros((0, columns)), np.full((3, columns), -5.)):
        depth = project_depth(points, calibration, H, W)
        np.testing.assert_array_equal(depth, np.zeros((H, W)))
        assert depth.dtype == np.float32


def test_whole_numbers_are_projected_as_well():
    depth = project_depth(np.array([[20, -5, 3]]), looking_along_x(), H, W)
    assert depth[1, 7] == 20


def test_order_in_memory_does_not_matter():
    rng = np.random.default_rng(0)
    calibration = tilted(rng)
    points = rng.normal(0, 15, (4000, 4)).astype(np.float32)
    expected = project_depth(points, calibration, 187, 620)
    for same in (np.asfortranarray(points), points[:, :3], points[::-1],
                 points[:, ::-1].copy()[:, ::-1]):
        np.testing.assert_array_equal(
            project_depth(same, calibration, 187, 620), expected)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('column', [0, 1, 2])
def test_nan_and_inf_are_refused(value, column):
    points = np.ones((50, 4), np.float32)
    points[17, column] = value
    with pytest.raises(ValueError, match='NaN or Inf among the points'):
        project_depth(points, looking_along_x(), H, W)


@pytest.mark.parametrize('shape', [(4, ), (5, 2), (5, 4, 1)])
def test_points_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r'expected points \(N, 3\)'):
        project_depth(np.zeros(shape), looking_along_x(), H, W)


def test_real_frame(shared_data):
    """Depths that the label tells: a pedestrian at z = 8.41 m."""
    folder = shared_data / 'kitti_sample/training'
    calibration = read_calibration(folder / 'calib/000000.txt')
    points = read_scan(folder / 'velodyne/000000.bin')
    depth = project_depth(points, calibration, 370, 1224)
    some = points[::29]
    np.testing.assert_array_equal(project_depth(some, calibration, 370, 1224),
                                  one_by_one(some, calibration, 370, 1224))
    assert 18000 < np.count_nonzero(depth) < 21000
    assert not depth[:100].any()  # the LiDAR sees nothing that high
    assert .5 < depth[depth > 0].min() and 60 < depth.max() < 90
    chest = depth[180:250, 745:780]
    assert np.count_nonzero(chest) > 50
    assert abs(np.median(chest[chest > 0]) - 8.41) < .3
