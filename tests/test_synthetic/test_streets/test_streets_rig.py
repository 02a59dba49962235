import numpy as np
import pytest

from mmxkd.formats.kitti import read_calibration, write_calibration
from mmxkd.synthetic import kitti_calibration, kitti_camera, kitti_lidar


@pytest.mark.parametrize('scale, size', [(1, (1242, 375)), (.5, (621, 188)),
                                         (.25, (310, 94))])
def test_sizes_and_scaled_intrinsics(scale, size):
    camera, P2 = kitti_camera(scale), kitti_calibration(scale).P2
    assert camera.size == size and camera.height == 1.65
    assert P2[0, 0] == P2[1, 1] == pytest.approx(721.5377 * scale)
    assert P2[:2, 2] == pytest.approx([609.5593 * scale, 172.854 * scale])
    # As in the real files: about 45 pixels of baseline at full size.
    assert P2[0, 3] == pytest.approx(45.12 * scale, abs=.01)


def test_lidar_to_image_is_what_the_camera_sees():
    camera, lidar = kitti_camera(.5), kitti_lidar(.2)
    points = np.random.default_rng(0).uniform([5, -8, -1.7], [60, 8, 1],
                                              (50, 3))
    world = points @ lidar.to_world[:3, :3].T + lidar.to_world[:3, 3]
    image = np.column_stack([points, np.ones(50)
                             ]) @ (kitti_calibration(.5).lidar_to_image.T)
    assert image[:, :2] / image[:, 2:] == pytest.approx(camera.project(world))
    assert image[:, 2] == pytest.approx(world[:, 2])


def test_no_matrix_can_be_left_out():
    calibration = kitti_calibration(1.0)
    for matrix in (calibration.R0_rect, calibration.Tr_velo_to_cam[:, :3]):
        assert matrix @ matrix.T == pytest.approx(np.eye(3))
        assert np.linalg.det(matrix) == pytest.approx(1)
    # Half a degree moves a point by ten pixels at any distance.
    assert np.rad2deg(np.arccos((np.trace(calibration.R0_rect) - 1) / 2)) > .5
    assert np.all(np.abs(calibration.Tr_velo_to_cam[1:, 3]) > .05)


def test_the_lidar_stands_above_and_behind_the_camera():
    place = kitti_lidar(.2).to_world[:3, 3]
    assert place == pytest.approx([.056, -.076, -.269], abs=.01)


def test_calibration_survives_its_file(tmp_path):
    written = kitti_calibration(.5)
    write_calibration(tmp_path / 'calib.txt', written)
    read = read_calibration(tmp_path / 'calib.txt')
    assert np.array_equal(read.lidar_to_image, written.lidar_to_image)
