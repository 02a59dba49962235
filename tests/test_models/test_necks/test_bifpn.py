"""The neck of EfficientDet says what it cannot be built for."""
import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.models.necks.bifpn import BiFPN


@pytest.mark.parametrize('options, message', [
    (dict(in_channels=()), r'num_outs=5 for in_channels=\(\), expected 2'),
    (dict(in_channels=(8, ), num_outs=1), 'num_outs=1 for .*expected 2'),
    (dict(in_channels=(8, 8, 8), num_outs=2), 'no fewer than the backbone'),
    (dict(num_cells=0), 'num_cells=0, expected 1 or more'),
])
def test_options(options, message):
    with pytest.raises(ConfigError, match=message):
        BiFPN(**options)


def test_levels_of_the_backbone():
    neck = BiFPN(in_channels=(8, 12), out_channels=16, num_outs=4, num_cells=1)
    maps = [torch.randn(1, 8, 16, 16), torch.randn(1, 12, 8, 8)]
    assert [tuple(m.shape) for m in neck(maps)] == [(1, 16, side, side)
                                                    for side in (16, 8, 4, 2)]
    with pytest.raises(ConfigError, match=r'\[8, 12\] are of 2 levels, .* 1'):
        neck(maps[:1])
