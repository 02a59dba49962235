"""Gradients of a detector, weighed by place, against independent ones."""
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.structures import InstanceData

from mmxkd.engine.frame_weights import (
    FrameWeights,
    grid_weights,
    roi_weights,
    scale_gradient,
)
from mmxkd.engine.prediction_weights import PredictionWeights
from mmxkd.errors import ConfigError
from tests.helpers.detectors import narrow, pictures

NONE = torch.zeros(0, 4), torch.zeros(0)


def plain(weight):
    return FrameWeights(weight, *NONE)


def detector(name):
    torch.manual_seed(0)
    model = MODELS.build(narrow(name))
    model.init_weights()
    # Batch statistics would tie the frames together.
    return model.eval()


def gradients(model, frames=None, change=lambda samples: None):
    """Losses and gradients of a step, of which the frames are weighed."""
    weights = PredictionWeights(model)
    try:
        data = model.data_preprocessor(pictures(), True)
        change(data['data_samples'])
        if frames is not None:
            weights.begin(frames, tuple(data['inputs'].shape[-2:]))
        model.zero_grad()
        torch.manual_seed(1)
        total, logs = model.parse_losses(model(**data, mode='loss'))
        total.backward()
    finally:
        weights.end()
        weights.remove()
    return total.item(), {
        name: p.grad.double().clone() for name, p in model.named_parameters()
        if p.grad is not None
    }


@pytest.mark.parametrize('name', ['retinanet', 'fcos', 'faster_rcnn'])
def test_a_loss_of_frames_is_their_weighted_sum(name):
    """Frame by frame, the parts add up to mmdet's own gradient."""
    model = detector(name)
    total, stock = gradients(model)
    parts = [
        gradients(model, [plain(a), plain(b)])
        for a, b in ((1., 0.), (0., 1.), (0.25, 3.))
    ]
    # What is logged stays.
    assert [value for value, _ in parts] == [total] * 3
    (_, first), (_, second), (_, mixed) = parts
    moved = 0
    for key, whole in stock.items():
        one, two = first[key], second[key]
        size = whole.abs().max() + 1e-8
        torch.testing.assert_close(one + two, whole, rtol=0, atol=1e-5 * size)
        torch.testing.assert_close(0.25 * one + 3 * two, mixed[key], rtol=0,
                                   atol=3e-5 * size)
        moved += bool(one.abs().max() > 1e-3 * size)
    assert moved > len(stock) / 2


def test_a_frame_that_weighs_nothing_could_have_any_boxes():
    """All but the number of positives, by which mmdet divides."""
    model = detector('retinanet')

    def move(samples):
        samples[1].gt_instances.bboxes += torch.tensor([20., 5., 20., 5.])
        samples[1].gt_instances.labels[:] = 1

    frames = [plain(1.), plain(0.)]
    _, before = gradients(model, frames)
    _, after = gradients(model, frames, move)
    head = 'bbox_head.retina_cls.weight'
    ratio = after[head] / before[head]
    known = before[head].abs() > before[head].abs().max() * 1e-2
    spread = ratio[known].max() - ratio[known].min()
    assert spread < 1e-4 and known.sum() > 100


def test_weights_of_a_box_against_label_weights_of_mmdet():
    """RetinaNet has label weights: the same losses, weighed by hand."""
    model = detector('retinanet')
    box = torch.tensor([[20., 8., 60., 40.]])
    frames = [FrameWeights(2.0, box, torch.tensor([0.3])), plain(1.)]
    _, ours = gradients(model, frames)

    model.zero_grad()
    data = model.data_preprocessor(pictures(), True)
    head = model.bbox_head
    outs = head(model.extract_feat(data['inputs']))
    sizes = [score.shape[-2:] for score in outs[0]]
    samples = data['data_samples']
    anchors, valid = head.get_anchors(sizes, [s.metainfo for s in samples],
                                      device='cpu')
    targets = head.get_targets(anchors, valid,
                               [s.gt_instances for s in samples],
                               [s.metainfo for s in samples])
    labels, weights, boxes, box_weights, number = targets
    total = 0
    for level, (height, width) in enumerate(sizes):
        stride_y, stride_x = 64 / height, 96 / width
        # Cell by cell, in plain numbers.
        factor = torch.ones(2, height, width)
        for y in range(height):
            for x in range(width):
                cx, cy = (x + 0.5) * stride_x, (y + 0.5) * stride_y
                inside = (abs(cx - 40) <= max(20, stride_x / 2)
                          and abs(cy - 24) <= max(16, stride_y / 2))
                factor[0, y, x] = 2 * (0.3 if inside else 1)
        each = factor.flatten(1).repeat_interleave(head.num_base_priors, 1)
        score = outs[0][level].permute(0, 2, 3, 1).reshape(-1, 3)
        delta = outs[1][level].permute(0, 2, 3, 1).reshape(-1, 4)
        total = total + head.loss_cls(score, labels[level].reshape(-1),
                                      (weights[level] * each).reshape(-1),
                                      avg_factor=number)
        total = total + head.loss_bbox(delta, boxes[level].reshape(
            -1, 4), (box_weights[level] * each[..., None]).reshape(-1, 4),
                                       avg_factor=number)
    total.backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            expected = parameter.grad.double()
            torch.testing.assert_close(
                ours[name], expected, rtol=0, atol=1e-5 *
                (expected.abs().max() + 1e-8))


def test_points_take_the_smallest_box_and_none_is_lost():
    boxes = torch.tensor([[0., 0., 40., 40.], [8., 8., 16., 16.],
                          [60.5, 60.5, 61., 61.]])
    frame = FrameWeights(2., boxes, torch.tensor([0.5, 0., 0.25]))
    points = torch.tensor([[12., 12.], [30., 30.], [50., 12.], [64., 60.]])
    assert frame.at(points).tolist() == [0, 1, 2, 2]
    # On a grid of 8 pixels, the smallest box still has a cell.
    assert frame.at(points, (4., 4.)).tolist() == [0, 1, 2, 0.5]
    grid = grid_weights([frame, plain(1.)], (8, 8), (64, 64), torch.zeros(()))
    assert grid.shape == (2, 1, 8, 8)
    assert grid[0, 0, 7, 7] == 0.5 and grid[0, 0, 1, 1] == 0
    assert grid[0, 0, 1, 7] == 2 and (grid[1] == 1).all()


def test_rows_and_columns_are_not_mixed_up():
    frame = FrameWeights(1., torch.tensor([[32., 0., 64., 16.]]),
                         torch.tensor([0.]))
    grid = grid_weights([frame], (2, 4), (32, 64), torch.zeros(()))[0, 0]
    assert grid.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


def test_regions_are_weighed_by_frame_and_centre():
    frames = [
        plain(0.5),
        FrameWeights(1., torch.tensor([[0., 0., 20., 20.]]),
                     torch.tensor([0.]))
    ]
    rois = torch.tensor([[0., 5., 5., 15., 15.], [1., 5., 5., 15., 15.],
                         [1., 15., 15., 60., 60.]])
    assert roi_weights(frames, rois).tolist() == [0.5, 0, 1]


def test_the_gradient_is_scaled_and_the_value_is_not():
    value = torch.randn(2, 3, 2, 2, dtype=torch.double, requires_grad=True)
    weight = torch.tensor([0.5, 2.]).double().view(2, 1, 1, 1)
    out = scale_gradient(value, weight)
    assert torch.equal(out, value)
    out.square().sum().backward()
    torch.testing.assert_close(value.grad, 2 * value.detach() * weight)


def test_heads_of_other_forms_are_refused():
    with pytest.raises(ConfigError, match='DETR.*cannot be weighed'):
        PredictionWeights(MODELS.build(narrow('detr')))


def test_the_detector_is_left_as_it_was():
    model = detector('faster_rcnn')
    before = [
        len(m._forward_hooks) + len(m._forward_pre_hooks)
        for m in model.modules()
    ]
    weights = PredictionWeights(model)
    now = [
        len(m._forward_hooks) + len(m._forward_pre_hooks)
        for m in model.modules()
    ]
    assert sum(now) - sum(before) == 3
    weights.remove()
    assert before == [
        len(m._forward_hooks) + len(m._forward_pre_hooks)
        for m in model.modules()
    ]


@pytest.mark.parametrize('name', ['retinanet', 'fcos', 'faster_rcnn'])
def test_a_batch_without_any_box(name):
    model = detector(name)

    def clear(samples):
        for sample in samples:
            sample.gt_instances = InstanceData(bboxes=torch.zeros(0, 4),
                                               labels=torch.zeros(0).long())

    total, found = gradients(model, [plain(1.), plain(0.5)], clear)
    assert 0 < total < 100
    assert all(torch.isfinite(g).all() for g in found.values())
