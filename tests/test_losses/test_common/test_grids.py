import torch
import torch.nn.functional as F

from mmxkd.losses.common.grids import coarsest_size, resize
from tests.helpers.feature_maps import maps


def test_coarsest_size():
    assert coarsest_size([
        torch.zeros(1, 1, 8, 6),
        torch.zeros(1, 1, 3, 5),
        torch.zeros(1, 1, 4, 4)
    ]) == (3, 5)


def test_resizing_is_bilinear():
    (feature, ) = maps((2, 3, 4, 6))
    torch.testing.assert_close(resize(feature, (2, 3)),
                               F.avg_pool2d(feature, 2))


def test_a_map_of_the_right_size_is_the_same_object():
    (feature, ) = maps((2, 3, 4, 6))
    assert resize(feature, (4, 6)) is feature
