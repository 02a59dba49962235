import numpy as np
import pytest

from mmxkd.datasets.transforms.moves import Window, nearer, warp
from mmxkd.modalities import MODALITIES, Modality

HALF = np.diag([.5, .5, 1.])


def test_warped_depth_keeps_its_points_where_it_shrinks():
    depth = np.zeros((40, 60), np.float32)
    rng = np.random.default_rng(0)
    depth.flat[rng.choice(2400, 60, replace=False)] = np.arange(1, 61)
    warped = warp(MODALITIES['depth'], depth, HALF, (20, 30))
    assert set(np.unique(warped)) <= set(range(61))
    for y, x in zip(*np.nonzero(depth), strict=True):
        row, column = np.rint([y / 2, x / 2]).astype(int)
        if row < 20 and column < 30:
            assert 0 < warped[row, column] <= depth[y, x]


def test_warped_depth_has_no_holes_where_it_grows():
    depth = np.full((10, 10), 7, np.float32)
    warped = warp(MODALITIES['depth'], depth, np.diag([3., 3., 1.]), (28, 28))
    assert (warped == 7).all()


def test_what_lies_behind_the_horizon_does_not_appear():
    depth = np.ones((4, 9), np.float32)
    tilt = np.array([[1., 0, 0], [0, 1, 0], [-.25, 0, 1]])
    assert not warp(MODALITIES['depth'], depth[:, 5:],
                    tilt @ np.array([[1., 0, 5], [0, 1, 0], [0, 0, 1]]),
                    (4, 9)).any()


@pytest.mark.parametrize('channels', [1, 3, 6])
@pytest.mark.parametrize('kind', [np.uint8, np.uint16, np.float32])
def test_dense_warps_take_any_channels_and_fill_the_rest(channels, kind):
    bands = Modality('bands', channels, 'dense', pad_value=3)
    values = np.full((8, 8, channels), 100, kind)
    warped = warp(bands, values, HALF, (8, 8))
    assert warped.shape == (8, 8, channels) and warped.dtype == kind
    assert (warped[:3, :3] == 100).all()
    assert (warped[5:] == 3).all()


def test_the_nearer_of_two_values_stays():
    np.testing.assert_array_equal(
        nearer(np.array([0., 5, 0, 2]), np.array([0., 0, 4, 3])), [0, 5, 4, 2])


def test_a_window_is_cut_and_pasted():
    values = np.arange(12).reshape(3, 4)
    window = Window((2, 5), (0, 3), (1, 0), (2, 2))
    np.testing.assert_array_equal(window.of(values, 9),
                                  [[9, 9, 9, 4, 5], [9, 9, 9, 8, 9]])
    assert Window((2, 2), (0, 0), (1, 1), (2, 2)).of(values,
                                                     9).base is not None
