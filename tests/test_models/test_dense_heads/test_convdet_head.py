"""ConvDet on numbers made by hand and by a slow version."""
import math

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.models.dense_heads.convdet_loss import (
    ConvDetWeights,
    aligned_iou,
    class_loss,
    confidence_loss,
    offset_loss,
)
from mmxkd.registry import MODELS
from tests.helpers.golden_shuffledet import sample, to_corners

HW = (32, 48)


def head(**options):
    config = dict(
        type='mmxkd.ConvDetHead', num_classes=3, in_channels=4, dropout=0.,
        train_cfg=dict(assigner=dict(type='mmxkd.OnePriorAssigner')),
        test_cfg=dict(nms_pre=64, max_per_class=50,
                      nms=dict(type='nms', iou_threshold=.4)))
    return MODELS.build(config | options)


def golden_maps():
    # Made as (image, row, column, channel).
    k = torch.arange(2 * 2 * 3 * 72, dtype=torch.float64).reshape(2, 2, 3, 72)
    return (.5 * (.1 * k).sin()).permute(0, 3, 1, 2)


OBJECTS = [([(20, 15, 30, 20), (35, 20, 20, 24)], [0, 1]),
           ([(24, 16, 40, 28)], [2])]


def losses_of(module, maps, objects):
    samples = [sample(boxes, labels, HW) for boxes, labels in objects]
    blocks = [[block] for block in maps.float().split([27, 9, 36], 1)]
    return module.loss_by_feat(*blocks, [s.gt_instances for s in samples],
                               [s.metainfo for s in samples])


def test_golden_terms():
    found = losses_of(head(), golden_maps(), OBJECTS)
    assert {name: value.item() for name, value in found.items()} == {
        'loss_cls': pytest.approx(1.915121, abs=2e-6),
        'loss_conf': pytest.approx(27.002230, abs=2e-5),
        'loss_bbox': pytest.approx(8.121760, abs=1e-5),
    }


def test_weights_of_the_terms():
    weights = dict(cls=2., conf_object=0., conf_background=50., bbox=10.)
    found = losses_of(head(loss_weights=weights), golden_maps(), OBJECTS)
    assert found['loss_cls'].item() == pytest.approx(2 * 1.915121, abs=4e-6)
    assert found['loss_bbox'].item() == pytest.approx(2 * 8.121760, abs=2e-5)
    half = losses_of(head(loss_weights=weights | dict(conf_object=75.)),
                     golden_maps(), OBJECTS)['loss_conf']
    whole = losses_of(head(), golden_maps(), OBJECTS)['loss_conf']
    assert (whole - half - found['loss_conf']).item() == pytest.approx(
        0, abs=1e-4)


def test_terms_one_by_one():
    logits = torch.tensor([[0., 0., math.log(2)], [1., 1., 1.]])
    expected = -(math.log(.75) * 2 + math.log(.5) + math.log(2 / 3) * 2
                 + math.log(1 / 3)) / 2
    assert class_loss(logits,
                      torch.tensor([2, 0])).item() == pytest.approx(expected)
    has = torch.tensor([[True, False, False], [False, False, False]])
    found = confidence_loss(torch.zeros(2, 3),
                            torch.tensor([[.9, 0., 0.], [0., 0., 0.]]), has,
                            ConvDetWeights(conf_object=6, conf_background=4))
    # (0.9 - 0.5)² · 6/1, and five times 0.5² · 4/(3 - 1), over two images.
    assert found.item() == pytest.approx((.16 * 6 + 5 * .25 * 2) / 2)
    assert offset_loss(torch.ones(2, 4), torch.zeros(2, 4)).item() == 4


def test_a_certain_class_has_a_finite_gradient():
    logits = torch.tensor([[200., 0., -200.]], requires_grad=True)
    for label in range(3):
        loss = class_loss(logits, torch.tensor([label]))
        (gradient, ) = torch.autograd.grad(loss, logits)
        assert loss.isfinite() and gradient.isfinite().all()


def test_boxes_that_touch_and_lie_apart():
    box = torch.tensor([[0., 0., 4., 4.]]).expand(3, 4)
    other = torch.tensor([[0., 0., 4., 4.], [4, 0, 8, 4], [2, 2, 6, 6]])
    torch.testing.assert_close(aligned_iou(box, other),
                               torch.tensor([1, 0, 4 / 28]))


def test_gradients_reach_what_they_should():
    maps = golden_maps().float().requires_grad_()
    found = losses_of(head(), maps, OBJECTS)
    chosen = [(0, 36), (0, 45), (1, 36)]
    blocks = dict(loss_cls=slice(0, 27), loss_conf=slice(27, 36),
                  loss_bbox=slice(36, 72))
    for name, block in blocks.items():
        (gradient, ) = torch.autograd.grad(found[name], maps,
                                           retain_graph=True)
        # The confidence does not move the box by its IoU.
        outside = gradient.clone()
        outside[:, block] = 0
        assert not outside.any() and gradient[:, block].any(), name
        flat = gradient[:, block].permute(0, 2, 3, 1).reshape(2, 54, -1)
        touched = flat.any(2).nonzero().tolist()
        if name == 'loss_conf':
            assert len(touched) == 108
        else:
            assert [tuple(t) for t in touched] == chosen, name


def test_a_batch_of_background_alone():
    maps = golden_maps().float().requires_grad_()
    found = losses_of(head(), maps, [([], []), ([], [])])
    assert found['loss_cls'] == found['loss_bbox'] == 0
    # Each of 54 anchors is background, in the mean over images.
    conf = maps[:, 27:36].sigmoid()
    assert found['loss_conf'].item() == pytest.approx(
        (conf.square().sum() / 54 * 100 / 2).item())
    sum(found.values()).backward()
    assert maps.grad.isfinite().all()
    assert not maps.grad[:, :27].any() and not maps.grad[:, 36:].any()


def test_an_image_without_objects_beside_one_with():
    both = losses_of(head(), golden_maps(), [OBJECTS[0], ([], [])])
    alone = losses_of(head(), golden_maps()[:1], [OBJECTS[0]])
    assert both['loss_cls'] == alone['loss_cls']
    assert both['loss_bbox'] == alone['loss_bbox']


def grown(v):
    return math.exp(v) if v <= 1 else math.e * v


def slow_detections(maps, scale):
    """Post-processing with lists, one anchor at a time."""
    module = head()
    priors = module.prior_generator.grid_priors([(2, 3)], device='cpu')[0]
    found = []
    for index in range(54):
        cell, a = divmod(index, 9)
        values = maps[0, :, cell // 3, cell % 3].tolist()
        logits = values[a * 3:a * 3 + 3]
        total = sum(math.exp(v) for v in logits)
        label = logits.index(max(logits))
        score = math.exp(
            logits[label]) / total / (1 + math.exp(-values[27 + a]))
        dx, dy, dw, dh = values[36 + 4 * a:40 + 4 * a]
        x1, y1, x2, y2 = priors[index].tolist()
        width, height = x2 - x1, y2 - y1
        cx, cy = (x1 + x2) / 2 + dx * width, (y1 + y2) / 2 + dy * height
        width, height = width * grown(dw), height * grown(dh)
        corners = [
            cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2
        ]
        corners = [
            min(max(v, 0), last)
            for v, last in zip(corners, (47, 31, 47, 31), strict=True)
        ]
        box = [
            corners[0] / scale[0], corners[1] / scale[1],
            (corners[2] + 1) / scale[0], (corners[3] + 1) / scale[1]
        ]
        found.append((score, label, box))
    found = sorted(found, key=lambda row: -row[0])[:20]
    kept = []
    for label in range(3):
        own = []
        for score, own_label, box in found:
            if own_label == label and len(own) < 2 and all(
                    aligned_iou(torch.tensor([box]), torch.tensor([other])) <=
                    .4 for _, _, other in own):
                own.append((score, label, box))
        kept += own
    return kept


@pytest.mark.parametrize('k', range(3))
def test_detections_against_a_slow_version(k):
    torch.manual_seed(k)
    maps = torch.randn(1, 72, 2, 3)
    scale = (.8, 1.6)
    blocks = [[block] for block in maps.split([27, 9, 36], 1)]
    cfg = dict(nms_pre=20, max_per_class=2, nms=dict(type='nms',
                                                     iou_threshold=.4))
    found = head().predict_by_feat(*blocks,
                                   [dict(img_shape=HW, scale_factor=scale)],
                                   cfg=cfg, rescale=True)[0]
    scores, labels, boxes = zip(*slow_detections(maps.double(), scale),
                                strict=True)
    assert found.labels.tolist() == list(labels)
    np.testing.assert_allclose(found.scores, scores, rtol=1e-5)
    np.testing.assert_allclose(found.bboxes, boxes, atol=1e-4)


def test_a_threshold_of_scores():
    blocks = [[block]
              for block in golden_maps().float()[:1].split([27, 9, 36], 1)]
    meta = [dict(img_shape=HW, scale_factor=(1., 1.))]
    cfg = dict(nms_pre=64, max_per_class=50, nms=dict(type='nms',
                                                      iou_threshold=.4))
    everything = head().predict_by_feat(*blocks, meta, cfg=cfg)[0]
    middle = everything.scores.median().item()
    some = head().predict_by_feat(*blocks, meta,
                                  cfg=cfg | dict(score_thr=middle))[0]
    above = everything.scores > middle
    assert 0 < above.sum() < len(everything)
    assert torch.equal(some.bboxes, everything.bboxes[above])
    nothing = head().predict_by_feat(*blocks, meta,
                                     cfg=cfg | dict(score_thr=.99))[0]
    assert len(nothing) == 0 and nothing.bboxes.shape == (0, 4)


def test_dropout_is_for_training_alone():
    torch.manual_seed(0)
    module = head(dropout=.5)
    module.init_weights()
    x = torch.ones(1, 4, 2, 3)
    assert torch.equal(module.eval()((x, ))[0][0], module((x, ))[0][0])
    assert not torch.equal(module.train()((x, ))[0][0], module((x, ))[0][0])


def test_published_initialisation():
    torch.manual_seed(0)
    module = head(in_channels=384)
    module.init_weights()
    weight = module.conv_det.weight
    assert weight.abs().max() <= 2e-4 and not module.conv_det.bias.any()
    assert weight.std().item() == pytest.approx(.8796e-4, rel=.02)


@pytest.mark.parametrize('options, message', [
    (dict(dropout=1.), 'dropout=1.0'),
    (dict(loss_weights=dict(bboxes=1)), "bboxes is unknown.*'bbox'"),
    (dict(test_cfg=dict(nms_pres=1)), "nms_pres is unknown.*'nms_pre'"),
    (dict(test_cfg=dict(nms_pre=1)),
     'ConvDetHead: test_cfg lacks max_per_class, nms'),
    (dict(test_cfg=dict(nms_pre=1, max_per_class=1, nms=dict(
        type='soft_nms'))), "test_cfg.nms.type='soft_nms', expected one of"),
    (dict(test_cfg=dict(nms_pre=1, max_per_class=1, nms=dict(type='nms'))),
     'test_cfg.nms lacks iou_threshold'),
])
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        head(**options)


def test_ignored_regions_are_background():
    """As published: they change nothing."""
    module, maps = head(), golden_maps()
    blocks = [[block] for block in maps.float().split([27, 9, 36], 1)]
    samples = [sample(boxes, labels, HW) for boxes, labels in OBJECTS]
    ignored = [
        InstanceData(bboxes=to_corners([(10, 10, 8, 8)]), labels=torch.tensor(
            [0]))
    ] * 2
    found = module.loss_by_feat(*blocks, [s.gt_instances for s in samples],
                                [s.metainfo for s in samples], ignored)
    assert found == losses_of(module, maps, OBJECTS)
