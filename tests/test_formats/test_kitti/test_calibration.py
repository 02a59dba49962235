import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.kitti import (
    KittiCalibration,
    read_calibration,
    write_calibration,
)

LINES = {
    'P0': '1 0 0 0 0 1 0 0 0 0 1 0',
    'P2': '700 0 600 45 0 710 180 -0.5 0 0 1 0.005',
    'R0_rect': '1 0 0 0 0 -1 0 1 0',
    'Tr_velo_to_cam': '0 -1 0 0.5 0 0 -1 -0.25 1 0 0 -2',
    'Tr_imu_to_velo': '1 0 0 0 0 1 0 0 0 0 1 0',
}


def calibration_file(folder, lines=None, **changes):
    lines = {**LINES, **changes} if lines is None else lines
    path = folder / '000007.txt'
    path.write_text('\n'.join(f'{name}: {line}'
                              for name, line in lines.items()) + '\n\n')
    return path


def any_calibration():
    rng = np.random.default_rng(0)
    rotations = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2)]
    return KittiCalibration(
        P2=np.array([[707.05, 1e-7, 604.1, 45.76], [0, 706.1, 180.5, -.35],
                     [0, 0, 1, .00498]]), R0_rect=rotations[0],
        Tr_velo_to_cam=np.column_stack([rotations[1],
                                        rng.normal(size=3)]))


def test_lines_are_read_by_name(tmp_path):
    reversed_lines = dict(reversed(LINES.items()))
    for lines in (LINES, reversed_lines, {
            name: LINES[name] for name in ('R0_rect', 'P2', 'Tr_velo_to_cam')
    }):
        calibration = read_calibration(calibration_file(tmp_path, lines))
        np.testing.assert_array_equal(
            calibration.P2,
            [[700, 0, 600, 45], [0, 710, 180, -.5], [0, 0, 1, .005]])
        np.testing.assert_array_equal(calibration.R0_rect,
                                      [[1, 0, 0], [0, 0, -1], [0, 1, 0]])
        np.testing.assert_array_equal(
            calibration.Tr_velo_to_cam,
            [[0, -1, 0, .5], [0, 0, -1, -.25], [1, 0, 0, -2]])
        assert calibration.P2.dtype == np.float64


def test_chain_of_a_point_by_hand(tmp_path):
    calibration = read_calibration(calibration_file(tmp_path))
    lidar = np.array([10., 3., -2., 1.])
    # Tr: (-3 + .5, 2 - .25, 10 - 2); R0 turns (x, y, z) to (x, -z, y).
    camera = calibration.lidar_to_camera @ lidar
    np.testing.assert_allclose(camera, [-2.5, -8, 1.75, 1], atol=1e-15)
    np.testing.assert_allclose(calibration.camera_to_lidar @ camera, lidar)
    # (700 · -2.5 + 600 · 1.75 + 45, 710 · -8 + 180 · 1.75 - .5, 1.755)
    np.testing.assert_allclose(calibration.lidar_to_image @ lidar,
                               [-655, -5365.5, 1.755])
    np.testing.assert_allclose(calibration.project(camera[:3]),
                               [-655 / 1.755, -5365.5 / 1.755])


def test_unproject_undoes_project():
    calibration = any_calibration()
    points = np.random.default_rng(1).uniform([-5, -2, 1], [5, 2, 60],
                                              (4, 5, 3))
    back = calibration.unproject(calibration.project(points), points[..., 2])
    np.testing.assert_allclose(back, points, atol=1e-12)
    np.testing.assert_allclose(
        calibration.unproject(calibration.project(points[0, 0]),
                              points[0, 0, 2]), points[0, 0], atol=1e-12)


def test_what_is_written_is_read_to_the_last_bit(tmp_path):
    calibration = any_calibration()
    path = tmp_path / 'calib' / '000000.txt'
    write_calibration(path, calibration)
    again = read_calibration(path)
    for name in LINES.keys() & vars(calibration).keys():
        assert (getattr(again, name) == getattr(calibration, name)).all()
    # Readers that go by the line's number find what they look for.
    names = [line.split(':')[0] for line in path.read_text().splitlines()]
    assert names == [
        'P0', 'P1', 'P2', 'P3', 'R0_rect', 'Tr_velo_to_cam', 'Tr_imu_to_velo'
    ]
    assert list(path.parent.iterdir()) == [path]


def test_missing_line_is_named_with_the_nearest(tmp_path):
    lines = {'R_rect' if k == 'R0_rect' else k: v for k, v in LINES.items()}
    path = calibration_file(tmp_path, lines)
    with pytest.raises(
            CorruptSampleError,
            match=r"000007.txt: has no line 'R0_rect': among its "
            r"lines, did you mean 'R_rect'"):
        read_calibration(path)
    path.write_text('')
    with pytest.raises(CorruptSampleError, match="no line 'P2'.*none"):
        read_calibration(path)


@pytest.mark.parametrize('name, line, reason', [
    ('P2', LINES['P2'][:-6], "line 2: 'P2' has 11 numbers, expected 12"),
    ('P2', LINES['P2'] + ' 1', "line 2: 'P2' has 13 numbers, expected 12"),
    ('P2', LINES['P2'].replace(
        '45', 'nan'), "line 2: 'P2' has 'nan', expected a finite number"),
    ('R0_rect', LINES['R0_rect'].replace('-1', '-inf'),
     "line 3: 'R0_rect' has '-inf', expected a finite number"),
    ('R0_rect', LINES['R0_rect'].replace(
        '-1', '-l'), "line 3: 'R0_rect' has '-l', expected a number"),
    ('R0_rect', '0 0 0 0 0 0 0 0 0', "line 3: 'R0_rect' holds no rotation"),
    ('Tr_velo_to_cam', '', "line 4: 'Tr_velo_to_cam' has 0 numbers"),
    ('Tr_velo_to_cam', '0 -1 0 0 0 0 -2 0 1 0 0 0',
     "line 4: 'Tr_velo_to_cam' holds no rotation"),
    ('P2', LINES['P2'].replace(
        '45', '4_5'), "line 2: 'P2' has '4_5', expected a number"),
    ('P2', LINES['P2'].replace(
        '45', '٤٥'), "line 2: 'P2' has '٤٥', expected a number"),
    ('P2', '0 ' * 12, "line 2: 'P2' is 0 in all places"),
    ('P2', LINES['P2'].replace('710', '-710'), "line 2: 'P2' has the focal"),
    ('R0_rect', '1 0 0 0 1 0 0 0 -1', "line 3: 'R0_rect' holds a reflection"),
    ('Tr_velo_to_cam', '0 1 0 0 0 0 -1 0 1 0 0 0',
     "line 4: 'Tr_velo_to_cam' holds a reflection"),
    ('Tr_velo_to_cam', '0 -1 0 0 0 0 -1 0 1 0 0 -270',
     "line 4: 'Tr_velo_to_cam' shifts by 270, expected metres"),
])
def test_bad_line_is_named(tmp_path, name, line, reason):
    path = calibration_file(tmp_path, **{name: line})
    with pytest.raises(CorruptSampleError, match=reason) as caught:
        read_calibration(path)
    assert caught.value.path == str(path)


def test_line_that_stands_twice_is_refused(tmp_path):
    path = calibration_file(tmp_path)
    path.write_text(path.read_text() + f'P2: {LINES["P2"]}\n')
    with pytest.raises(CorruptSampleError,
                       match="line 7: 'P2' stands in line 2 already"):
        read_calibration(path)


def test_file_that_cannot_be_read(tmp_path):
    with pytest.raises(CorruptSampleError, match='none.txt: cannot be read'):
        read_calibration(tmp_path / 'none.txt')
    path = tmp_path / 'binary.txt'
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(CorruptSampleError, match='binary.txt: cannot be read'):
        read_calibration(path)


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('newline', ['\n', '\r\n', '\r'])
def test_every_encoding_gives_the_same_matrices(tmp_path, encoding, newline):
    path = calibration_file(tmp_path)
    expected = read_calibration(path)
    path.write_bytes(path.read_text().replace('\n', newline).encode(encoding))
    found = read_calibration(path)
    for name in ('P2', 'R0_rect', 'Tr_velo_to_cam'):
        np.testing.assert_array_equal(getattr(found, name),
                                      getattr(expected, name))


def test_matrices_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r'R0_rect: expected \(3, 3\)'):
        KittiCalibration(P2=np.eye(4)[:3], R0_rect=np.eye(4),
                         Tr_velo_to_cam=np.eye(4)[:3])


def test_matrices_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match='read-only'):
        any_calibration().P2[0, 0] = 1


def test_real_calibration(shared_data):
    calibration = read_calibration(shared_data
                                   / 'kitti_sample/training/calib/000000.txt')
    assert calibration.P2[0, 0] == calibration.P2[1, 1] == 707.0493
    # The LiDAR sits 33 cm behind the camera and looks (nearly) the
    # same way.
    np.testing.assert_allclose(calibration.lidar_to_camera @ [20, 0, 0, 1],
                               [0, 0, 19.7, 1], atol=.35)
    np.testing.assert_allclose(
        calibration.lidar_to_camera @ calibration.camera_to_lidar, np.eye(4),
        atol=1e-12)
