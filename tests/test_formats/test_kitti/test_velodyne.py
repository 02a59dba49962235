import struct

import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.kitti import read_scan, write_scan


def test_records_are_little_endian_floats(tmp_path):
    path = tmp_path / '000000.bin'
    path.write_bytes(struct.pack('<8f', 1, -2, .5, 0, 70, 3, -1.5, .25))
    points = read_scan(path)
    np.testing.assert_array_equal(points, [[1, -2, .5, 0], [70, 3, -1.5, .25]])
    assert points.dtype == np.float32


def test_what_is_written_is_read(tmp_path):
    points = np.random.default_rng(0).normal(size=(100, 4))
    points[:, 3] = points[:, 3]**2 % 1  # a reflectance
    path = tmp_path / 'velodyne' / '000000.bin'
    write_scan(path, points)
    np.testing.assert_array_equal(read_scan(path), points.astype(np.float32))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('size', [1, 15, 17, 1600 - 4])
def test_cut_off_scan_is_refused(tmp_path, size):
    path = tmp_path / '000003.bin'
    path.write_bytes(bytes(size))
    with pytest.raises(
            CorruptSampleError,
            match=rf'000003.bin: has {size} bytes, expected a '
            'multiple of 16'):
        read_scan(path)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_nan_and_inf_are_refused_with_the_point(tmp_path, value):
    points = np.ones((5, 4), np.float32)
    points[3, 1] = points[4, 3] = value
    path = tmp_path / '000003.bin'
    path.write_bytes(points.tobytes())
    with pytest.raises(
            CorruptSampleError,
            match='000003.bin: NaN or Inf in 2 of 5 points, the '
            'first of them number 3'):
        read_scan(path)
    with pytest.raises(ValueError, match='NaN or Inf'):
        write_scan(path, points)


def test_missing_and_empty_file(tmp_path):
    with pytest.raises(CorruptSampleError, match='No such file'):
        read_scan(tmp_path / 'none.bin')
    (tmp_path / 'empty.bin').touch()
    with pytest.raises(CorruptSampleError, match='empty.bin: the file is emp'):
        read_scan(tmp_path / 'empty.bin')


def test_points_of_another_shape_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r'\(N, 4\), got \(5, 3\)'):
        write_scan(tmp_path / 'a.bin', np.zeros((5, 3)))
    assert not list(tmp_path.iterdir())


def test_real_scan(shared_data):
    points = read_scan(shared_data
                       / 'kitti_sample/training/velodyne/000000.bin')
    assert points.shape == (115384, 4)
    assert 0 <= points[:, 3].min() and points[:, 3].max() <= 1
    ranges = np.linalg.norm(points[:, :3], axis=1)
    assert .5 < ranges.min() and 70 < ranges.max() < 120
