import math

import pytest
import torch

from mmxkd.losses import depth_uncertainty
from mmxkd.losses.depth.uncertainty import any_valid, average_valid


def drawn():
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(2, 5, 3, 4, generator=generator).double()
    target = torch.randint(5, (2, 3, 4), generator=generator)
    valid = torch.rand(2, 3, 4, generator=generator) < 0.7
    return logits, target, valid


def test_is_the_total_variation_of_one_hot_and_prediction():
    logits, target, valid = drawn()
    found = depth_uncertainty(logits, target, valid)
    one_hot = torch.nn.functional.one_hot(target, 5).movedim(-1, 1)
    expected = (one_hot - logits.softmax(1)).abs().sum(1) / 2
    assert found.shape == (2, 1, 3, 4)
    torch.testing.assert_close(found[:, 0][valid], expected[valid])
    assert 0 < found[:, 0][valid].min() < found.max() < 1
    assert (found[:, 0][~valid] == 0).all()


def test_easy_is_the_complement():
    logits, target, valid = drawn()
    hard = depth_uncertainty(logits, target, valid)
    easy = depth_uncertainty(logits, target, valid, 'easy')
    torch.testing.assert_close(hard + easy, valid[:, None].double())


def test_entropy_is_1_for_a_guess_and_0_for_certainty():
    logits = torch.zeros(1, 7, 1, 2)
    logits[0, 3, 0, 1] = 1000.
    found = depth_uncertainty(logits,
                              torch.zeros(1, 1, 2).long(),
                              torch.ones(1, 1, 2).bool(), 'entropy')
    assert found.flatten().tolist() == pytest.approx([1., 0.], abs=1e-6)
    two = torch.tensor([0.9, 0.1]).log()[None, :, None, None]
    found = depth_uncertainty(two,
                              torch.zeros(1, 1, 1).long(),
                              torch.ones(1, 1, 1).bool(), 'entropy')
    assert found.item() == pytest.approx(
        -(0.9 * math.log(0.9) + 0.1 * math.log(0.1)) / math.log(2))


def test_has_no_gradient():
    logits, target, valid = drawn()
    assert not depth_uncertainty(logits.requires_grad_(), target,
                                 valid).requires_grad


def test_the_class_of_no_depth_may_be_a_target_that_is_not_valid():
    logits = torch.zeros(1, 4, 1, 1)
    found = depth_uncertainty(logits, torch.full((1, 1, 1), 4),
                              torch.zeros(1, 1, 1).bool())
    assert found.item() == 0


def test_average_over_valid_pixels_only():
    values = torch.tensor([[1., 2., 9., 9.], [3., 9., 9., 9.]])[None, None]
    valid = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0]]).bool()[None, None]
    assert average_valid(values, valid, (1, 2)).tolist() == [[[[2., 0.]]]]
    assert any_valid(valid, (1, 2)).tolist() == [[[[True, False]]]]
    assert average_valid(values, None, (1, 2)).tolist() == [[[[3.75, 9.]]]]


def test_a_map_coarser_than_the_level_is_repeated():
    values = torch.tensor([[1., 2.]])[None, None]
    assert average_valid(values, values > 1,
                         (2, 4)).tolist() == [[[[0., 0., 2., 2.],
                                                [0., 0., 2., 2.]]]]


def test_unknown_mode_and_sizes_are_refused():
    logits, target, valid = drawn()
    with pytest.raises(ValueError, match="uncertainty='soft', expected one"):
        depth_uncertainty(logits, target, valid, 'soft')
    with pytest.raises(ValueError, match=r'target \(2, 3, 3\).*agree'):
        depth_uncertainty(logits, target[..., :3], valid)
