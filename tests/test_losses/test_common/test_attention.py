import pytest
import torch

from mmxkd.losses import attention_map
from mmxkd.losses.common.attention import check_power
from tests.helpers.feature_maps import maps


def test_attention_is_signed():
    feature = torch.tensor([[[[1., -1.]], [[2., -2.]]]])
    root = 0.5**0.5
    for p, expected in ((1, [root, -root]), (2, [root,
                                                 root]), (3, [root, -root])):
        assert attention_map(feature, p)[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize('scale', [1e-15, 1e-6, 1.0, 1e6, 1e15])
def test_attention_has_unit_length(scale):
    (feature, ) = maps((2, 3, 5, 4))
    found = attention_map(scale * feature)
    torch.testing.assert_close(found, attention_map(feature))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))


def test_a_zero_map_has_no_attention_and_no_gradient():
    (feature, ) = maps((2, 3, 4, 4))
    feature[0] = 0
    feature.requires_grad_()
    found = attention_map(feature)
    found.sum().backward()
    assert (found[0] == 0).all() and (feature.grad[0] == 0).all()
    assert (feature.grad[1] != 0).any()


@pytest.mark.parametrize('p', [0, -1, 1.5, '2'])
def test_powers_that_are_refused(p):
    check_power('L', 3)
    with pytest.raises(ValueError, match=f'^L: p={p!r}, expected a positive'):
        check_power('L', p)
