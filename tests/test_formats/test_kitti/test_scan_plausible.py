import io

import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.kitti import read_scan, write_scan
from mmxkd.formats.kitti.scan_plausible import scan_fault


def scan(count=4000):
    """Points as a LiDAR sees them: rings on the ground, and walls."""
    draw = np.random.default_rng(0)
    points = np.empty((count, 4), np.float32)
    angle, metres = draw.uniform(0, 6.3, count), draw.uniform(3, 80, count)
    points[:, 0], points[:, 1] = metres * np.cos(angle), metres * np.sin(angle)
    points[:, 2] = draw.uniform(-1.8, 1.5, count)
    points[:, 3] = draw.uniform(0, 1, count).round(2)
    return points


def numpy_file(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def more_columns(number):
    return np.column_stack([scan(), np.zeros((4000, number))])


LAYOUTS = {
    'float64 with 4 columns': scan().astype('<f8').tobytes(),
    'float32 with 5 columns': more_columns(1).astype('<f4').tobytes(),
    'float32 with 6 columns': more_columns(2).astype('<f4').tobytes(),
    'float32 with 3 columns': scan()[:, :3].tobytes(),
    'float16 with 4 columns': scan().astype('<f2').tobytes(),
    'big-endian float32': scan().astype('>f4').tobytes(),
    'an .npy file': numpy_file(scan()),
    'an .npy file ': numpy_file(scan().astype('f8')),
    'an .npz or .zip': b'PK\x03\x04' + bytes(60),
    'a .pcd file': b'# .PCD v0.7 - Point Cloud Data file',
}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_other_layouts_are_refused_by_name(tmp_path, layout):
    path = tmp_path / '000000.bin'
    path.write_bytes(LAYOUTS[layout])
    with pytest.raises(CorruptSampleError,
                       match=f'looks like {layout.strip()}') as caught:
        read_scan(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize('count', [15, 63, 64, 65, 4000])
@pytest.mark.parametrize('column, value, message',
                         [(0, 1e30, 'coordinates beyond 1000 m in 1 of'),
                          (2, -1001, 'coordinates beyond 1000 m in 1 of'),
                          (1, np.nan, 'NaN or'),
                          (3, np.inf, 'NaN or Inf in 1'),
                          (3, -.1, 'a reflectance outside of 0..1'),
                          (3, 255, 'a reflectance outside of 0..1')])
def test_one_value_in_any_place_is_found(count, column, value, message):
    for row in {0, count // 2, count - 1}:
        points = scan(count)
        points[row, column] = value
        fault = scan_fault(points)
        assert message in fault
        assert f'the first of them number {row}: ' in fault


def test_all_zero(tmp_path):
    path = tmp_path / '000000.bin'
    path.write_bytes(bytes(1600))
    with pytest.raises(CorruptSampleError, match='all 100 points are 0'):
        read_scan(path)
    with pytest.raises(ValueError, match='all 100 points are 0'):
        write_scan(path, np.zeros((100, 4)))
    with pytest.raises(ValueError, match='all 100 points lie within'):
        write_scan(path, np.full((100, 4), -1e-6))


def test_scans_are_taken(tmp_path):
    for count in (1, 5, 63, 64, 4000):
        assert scan_fault(scan(count)) is None
    points = scan()
    points[7:] = 0  # no echo
    assert scan_fault(points) is None


def test_real_scan_is_taken_and_its_layouts_are_not(shared_data, tmp_path):
    path = shared_data / 'kitti_sample/training/velodyne/000000.bin'
    points = read_scan(path)
    for dtype in ('<f8', '>f4', '<f2'):
        points.astype(dtype).tofile(tmp_path / 'a.bin')
        with pytest.raises(CorruptSampleError, match='looks like'):
            read_scan(tmp_path / 'a.bin')
