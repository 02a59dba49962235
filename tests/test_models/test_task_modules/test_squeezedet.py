"""Anchors, boxes and assignment of SqueezeDet, on published numbers."""
import math

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.losses import imitation_mask
from mmxkd.registry import TASK_UTILS
from tests.helpers.golden_shuffledet import to_centres, to_corners

GRID = (24, 78)


@pytest.fixture
def generator():
    return TASK_UTILS.build(dict(type='mmxkd.SqueezeDetAnchorGenerator'))


@pytest.fixture
def priors(generator):
    return generator.grid_priors([GRID], device='cpu')[0]


@pytest.fixture
def coder():
    return TASK_UTILS.build(dict(type='mmxkd.SqueezeDetBBoxCoder'))


@pytest.fixture
def assigner():
    return TASK_UTILS.build(dict(type='mmxkd.OnePriorAssigner'))


@pytest.mark.parametrize('index, expected',
                         [(0, (15.797468, 15.36, 36, 37)),
                          (9, (31.594937, 15.36, 36, 37)),
                          (9 *
                           (78 * 5 + 10) + 3, (173.772152, 92.16, 162, 87)),
                          (-1, (1232.202532, 368.64, 72, 43))])
def test_anchors_of_the_full_image(priors, index, expected):
    assert len(priors) == 16848
    np.testing.assert_allclose(
        to_centres(priors)[index], expected, rtol=0, atol=5e-5)


def test_centres_are_spread_over_the_image_and_not_in_the_cells(priors):
    x = to_centres(priors)[:78 * 9:9, 0]
    np.testing.assert_allclose(np.diff(x, prepend=0, append=1248), 1248 / 79,
                               rtol=1e-5)
    cells = (np.arange(78) + .5) * 16
    assert (x - cells)[[0, -1]] == pytest.approx([7.797, -7.797], abs=1e-3)


def test_some_anchors_by_index(generator, priors):
    index = torch.tensor([0, 8642, 16847])
    assert torch.equal(generator.sparse_priors(index, GRID, 0, device='cpu'),
                       priors[index])
    assert all(generator.valid_flags([GRID], (384, 1248), 'cpu')[0])


@pytest.mark.parametrize('sizes', [[], [(3, 0)], [(1, 2, 3)]])
def test_sizes_that_are_no_boxes(sizes):
    with pytest.raises(ConfigError, match='expected widths and heights'):
        TASK_UTILS.build(
            dict(type='mmxkd.SqueezeDetAnchorGenerator', sizes=sizes))


@pytest.mark.parametrize('box, positions', [
    ((400, 200, 100, 60), {0: 450, .3: 42, .5: 11, .7: 3, .9: 2}),
    ((30, 180, 40, 90), {0: 238, .3: 22, .5: 5, .7: 3, .9: 1}),
    ((900, 210, 300, 160), {0: 946, .3: 218, .5: 95, .7: 37, .9: 10}),
    ((600, 190, 20, 18), {0: 300, .3: 11, .5: 6, .7: 2, .9: 2}),
    ((620.5, 200.25, 64, 150), {0: 567, .3: 83, .5: 24, .7: 9, .9: 3}),
])
def test_what_a_student_imitates(priors, box, positions):
    for psi, expected in positions.items():
        mask = imitation_mask([priors], [to_corners([box])], [GRID], psi)[0]
        assert mask.sum() == expected, psi


def test_encoding_and_back(coder, priors):
    box = to_corners([(400, 200, 100, 60)])
    delta = coder.encode(priors[[8642]], box)
    np.testing.assert_allclose(
        delta[0], (0.04402862, 0.00542373, -0.13976194, 0.01680712), atol=1e-6)
    found = coder.decode(priors[[8642]], delta)
    torch.testing.assert_close(found, box + torch.tensor([0, 0, 1., 1.]),
                               rtol=0, atol=1e-4)


def test_sizes_grow_in_a_straight_line_beyond_e(coder):
    anchor = torch.tensor([[0., 0., 10., 10.]])
    for v, factor in ((-1, math.exp(-1)), (0.5, math.exp(.5)), (1, math.e),
                      (3, 3 * math.e), (1000, 1000 * math.e)):
        delta = torch.tensor([[0., 0., v, 0.]], requires_grad=True)
        box = coder.decode(anchor, delta)
        assert (box[0, 2] - box[0, 0]).item() == pytest.approx(10 * factor + 1)
        (box[0, 2] - box[0, 0]).backward()
        # The tangent has the slope of the exponential where they meet.
        assert delta.grad[0,
                          2].item() == pytest.approx(10 * min(factor, math.e))


def test_corners_are_clamped_one_by_one(coder):
    anchors = torch.tensor([[-30., 5., 20., 50.], [60., 10., 80., 20.]])
    boxes = coder.decode(anchors, torch.zeros(2, 4), (32, 48))
    # The last pixel, 47 and 31, is inside: the boxes end after it.
    assert boxes.tolist() == [[0, 5, 21, 32], [47, 10, 48, 21]]


def assign(assigner, priors, boxes, labels=None):
    boxes = torch.as_tensor(boxes).float().reshape(-1, 4)
    labels = torch.arange(len(boxes)) if labels is None else labels
    return assigner.assign(InstanceData(priors=priors),
                           InstanceData(bboxes=boxes, labels=labels))


def slow_choice(priors, taken, box):
    """The anchor of an object, and by how much it is better than others."""
    scored = []
    for i, prior in enumerate(priors):
        if i in taken:
            continue
        across = min(box[2], prior[2]) - max(box[0], prior[0])
        down = min(box[3], prior[3]) - max(box[1], prior[1])
        shared = max(across, 0) * max(down, 0)
        areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, prior)]
        scored.append((shared / (sum(areas) - shared), i))
    scored.sort()
    if scored[-1][0] > 0:
        return scored[-1][1], scored[-1][0] - scored[-2][0]
    apart = []
    for _, i in scored:
        pairs = [((p[0] + p[2]) / 2, (p[1] + p[3]) / 2, p[2] - p[0],
                  p[3] - p[1]) for p in (box, priors[i])]
        apart.append((sum((a - b)**2 for a, b in zip(*pairs, strict=True)), i))
    apart.sort()
    return apart[0][1], apart[1][0] - apart[0][0]


def test_golden_assignment(assigner, priors):
    found = assign(assigner, priors, to_corners([(400, 200, 100, 60)]))
    assert found.gt_inds.nonzero().tolist() == [[8642]]
    assert found.max_overlaps.max().item() == pytest.approx(.856935, abs=1e-6)


@pytest.mark.parametrize('seed', range(4))
def test_assignment_against_a_slow_one(assigner, generator, seed):
    draw = np.random.default_rng(seed)
    priors = generator.grid_priors([(3, 4)], device='cpu')[0]
    boxes, expected = [], []
    while len(boxes) < 20:
        low = draw.uniform(-20, 70, 2)
        # Some lie far outside, and some share their first choice.
        if len(boxes) % 5 == 4:
            low += 2000
        box = [*low, *low + draw.uniform(1, 60, 2)]
        if len(boxes) % 5 == 3:
            low = np.array(boxes[-1][:2])
            box = [*low, *low + draw.uniform(1, 60, 2)]
        chosen, margin = slow_choice(priors.tolist(), expected, box)
        # Rounding decides between equally good ones.
        if margin > 1e-5:
            boxes.append(box)
            expected.append(chosen)
    found = assign(assigner, priors, boxes)
    owners = [(found.gt_inds == k + 1).nonzero().item() for k in range(20)]
    assert owners == expected
    assert found.labels[owners].tolist() == list(range(20))
    assert (found.labels == -1).sum() == len(priors) - 20


def test_equal_objects_get_different_anchors(assigner, priors):
    found = assign(assigner, priors, to_corners([(400, 200, 100, 60)] * 3))
    first = (found.gt_inds == 1).nonzero().item()
    assert first == 8642 and sorted(
        found.gt_inds[found.gt_inds > 0].tolist()) == [1, 2, 3]


def test_of_equally_good_anchors_the_last(assigner):
    priors = torch.tensor([[0., 0, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60]])
    assert assign(assigner, priors,
                  [[0, 0, 10, 9]]).gt_inds.tolist() == [0, 1, 0]


def test_no_object_and_too_many(assigner):
    priors = torch.tensor([[0., 0, 10, 10]])
    found = assign(assigner, priors, [])
    assert found.gt_inds.tolist() == [0] and found.labels.tolist() == [-1]
    with pytest.raises(ValueError, match='2 objects, but only 1 anchors'):
        assign(assigner, priors, [[0, 0, 9, 9]] * 2)
