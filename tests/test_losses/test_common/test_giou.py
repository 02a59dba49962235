import pytest
import torch

from mmxkd.losses import generalized_iou


def giou(a, b):
    return generalized_iou(torch.tensor([a]), torch.tensor([b])).item()


@pytest.mark.parametrize('a, b, expected', [
    ([0., 0., 2., 2.], [0., 0., 2., 2.], 1),
    ([0., 0., 2., 2.], [1., 1., 3., 3.], 1 / 7 - 2 / 9),
    ([0., 0., 1., 1.], [2., 0., 3., 1.], -1 / 3),
    ([0., 0., 4., 4.], [1., 1., 2., 3.], 2 / 16),
    ([0., 0., 2., 1.], [0., 0., 1., 2.], 1 / 3 - 1 / 4),
])
def test_by_hand(a, b, expected):
    assert giou(a, b) == pytest.approx(expected, abs=1e-6)
    assert giou(b, a) == pytest.approx(expected, abs=1e-6)


def test_equals_mmdet():
    from mmdet.structures.bbox import bbox_overlaps
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.cat([c, c + torch.rand(99, 2, generator=generator)], 1)
            for c in torch.rand(2, 99, 2, generator=generator))
    torch.testing.assert_close(
        generalized_iou(a, b), bbox_overlaps(a, b, mode='giou',
                                             is_aligned=True))


def test_gradcheck():
    a = torch.tensor([[0., 0., 2., 2.], [0., 0., 1., 1.]], dtype=torch.float64,
                     requires_grad=True)
    b = torch.tensor([[1., 1., 3., 4.], [2., 2.5, 3., 3.]],
                     dtype=torch.float64)
    assert torch.autograd.gradcheck(generalized_iou, (a, b))


def test_boxes_without_area_are_finite():
    a = torch.zeros(1, 4, requires_grad=True)
    generalized_iou(a, torch.zeros(1, 4)).sum().backward()
    assert a.grad.isfinite().all()
    assert giou([0., 0., 0., 0.], [1., 1., 2., 2.]) == pytest.approx(-0.75)
