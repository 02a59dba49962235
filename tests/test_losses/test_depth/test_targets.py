import math

import pytest
import torch

from mmxkd.losses import DepthBins
from mmxkd.losses.depth.targets import depth_target, downsample_depth


def slow_valid_min(depth, size):
    """Window by window; the map is a whole multiple of the size."""
    n, height, width = depth.shape
    found = torch.zeros(n, *size)
    dy, dx = height // size[0], width // size[1]
    for k in range(n):
        for y in range(size[0]):
            for x in range(size[1]):
                cell = depth[k, y * dy:(y + 1) * dy, x * dx:(x + 1) * dx]
                cell = cell[(cell > 0) & cell.isfinite()]
                found[k, y, x] = cell.min() if len(cell) else 0
    return found


def test_sparse_depth_keeps_the_nearest_value_of_a_cell():
    generator = torch.Generator().manual_seed(0)
    depth = torch.rand(2, 8, 12, generator=generator) * 80
    depth[torch.rand(2, 8, 12, generator=generator) < 0.7] = 0
    depth[0, 0, 0], depth[1, 2, 3] = math.nan, math.inf
    found = downsample_depth(depth, (4, 4))
    assert torch.equal(found, slow_valid_min(depth, (4, 4)))
    assert (found == 0).any()
    assert torch.equal(downsample_depth(depth[:, None], (4, 4)), found)


def test_nearest_takes_one_pixel():
    depth = torch.arange(36.).reshape(1, 6, 6)
    assert downsample_depth(depth, (2, 2), 'nearest').tolist() == [[[7., 10.],
                                                                    [25.,
                                                                     28.]]]


def test_depth_of_the_right_size_is_as_it_was():
    depth = torch.rand(2, 3, 4)
    assert torch.equal(downsample_depth(depth, (3, 4)), depth)


@pytest.mark.parametrize('logits, depth, mode, message', [
    ((2, 7, 3, 4), (2, 3, 4), 'nearest', 'L: DepthBins.*expected 80 channels'),
    ((2, 80, 3, 4), (1, 3, 4), 'nearest', 'L: 1 depth maps for 2 images'),
    ((2, 80, 3, 4), (2, 3, 3, 4), 'nearest', r'L: .*got \(2, 3, 3, 4\)'),
    ((2, 80, 3, 4), (2, 6, 8), 'mean', "L: .*downsample='mean'"),
])
def test_targets_that_do_not_fit_are_refused(logits, depth, mode, message):
    with pytest.raises(ValueError, match=message):
        depth_target('L', DepthBins(), torch.zeros(logits), torch.zeros(depth),
                     mode)
