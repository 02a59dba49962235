import cv2
import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.kitti.depth_maps import MAX_DEPTH, read_depth, write_depth


def test_file_holds_256ths_of_a_metre(tmp_path):
    depth = np.array([[0, 1, 80.25], [1 / 256, 12.3456, 65535 / 256]])
    path = tmp_path / 'depth_2' / '000000.png'
    write_depth(path, depth)
    units = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert units.dtype == np.uint16
    # 12.3456 · 256 = 3160.47
    np.testing.assert_array_equal(units, [[0, 256, 20544], [1, 3160, 65535]])
    again = read_depth(path)
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, units / 256)
    assert list(path.parent.iterdir()) == [path]


def test_what_is_read_is_off_by_half_a_unit_at_most(tmp_path):
    rng = np.random.default_rng(0)
    depth = rng.uniform(.5, MAX_DEPTH, (40, 60)).astype(np.float32)
    depth[rng.random(depth.shape) < .9] = 0
    write_depth(tmp_path / 'a.png', depth)
    again = read_depth(tmp_path / 'a.png')
    np.testing.assert_array_equal(again == 0, depth == 0)
    assert 0 < np.abs(again - depth).max() <= 1 / 512


@pytest.mark.parametrize(
    'value',
    [256.0, MAX_DEPTH + .002, -.004, -10.0, .0019, np.nan, np.inf, -np.inf])
def test_depth_that_the_file_cannot_hold_is_refused(tmp_path, value):
    depth = np.full((3, 4), 7.0)
    depth[1, 2] = value
    with pytest.raises(
            ValueError, match=rf'a.png: 1 depths.*{value} m in '
            'row 1, column 2; expected 0 or 0.00195 to 255.996'):
        write_depth(tmp_path / 'a.png', depth)
    assert not list(tmp_path.iterdir())


def test_shape_is_checked(tmp_path):
    with pytest.raises(ValueError, match=r'\(H, W\), got \(2, 3, 1\)'):
        write_depth(tmp_path / 'a.png', np.zeros((2, 3, 1)))


@pytest.mark.parametrize('image, found', [
    (np.zeros((4, 5), np.uint8), '1 of uint8'),
    (np.zeros((4, 5, 3), np.uint8), '3 of uint8'),
    (np.zeros((4, 5, 3), np.uint16), '3 of uint16'),
])
def test_picture_that_is_no_depth_map_is_refused(tmp_path, image, found):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), image)
    with pytest.raises(
            CorruptSampleError,
            match=f'a.png: expected 1 channel of uint16, found '
            f'{found}'):
        read_depth(path)


def test_broken_file_is_refused(tmp_path):
    path = tmp_path / 'a.png'
    write_depth(path, np.full((40, 50), 9.0))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(CorruptSampleError, match='depth: .*do not decode'):
        read_depth(path)
    with pytest.raises(CorruptSampleError, match='cannot be read'):
        read_depth(tmp_path / 'none.png')
