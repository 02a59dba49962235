"""Fine-grained imitation between real detectors."""
import pytest
import torch
from mmengine.hub import get_config
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.families.mmdet import anchors_of, grid_sizes_of, strides_of
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow, pictures

ADAPTER = dict(type='ConvConnector', kernel_sizes=[3], last_activation=True,
               init_std=1e-4)


def build(name, where='neck', connector=ADAPTER, **options):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=narrow(name),
            teachers=dict(t=dict(cfg=narrow(name), random=True)),
            distiller=dict(losses=dict(loss_imitation=dict(
                type='FineGrainedImitationLoss', loss_weight=0.01,
                student=where, teacher=f't:{where}', connector=connector, **
                options)))))
    model.init_weights()
    return model.train()


def step(model, data):
    return model(**model.data_preprocessor(data, True), mode='loss')


@pytest.mark.parametrize('name, where, options, levels', [
    ('retinanet', 'neck', {}, 5),
    ('retinanet', 'neck[:4]', {}, 4),
    ('retinanet', 'backbone[1:]', {}, 3),
    ('faster_rcnn', 'neck', {}, 5),
    ('faster_rcnn', 'neck[1]', {}, 1),
    ('fcos', 'neck', dict(square_scale=8), 5),
    ('detr', 'neck', dict(square_scale=8), 1),
])
def test_two_iterations(name, where, options, levels):
    model = build(name, where, **options)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    adapters = model.distiller.losses['loss_imitation'].connector
    assert len(adapters) == levels
    teacher = [p.clone() for p in model.teachers['t'].model.parameters()]
    for _ in range(2):
        optimizer.zero_grad()
        losses = step(model, pictures())
        assert losses['distill/imitation_positions'] > 0
        assert 'distill/imitation_positions_0' not in losses
        losses['distill/loss_imitation'].backward()
        assert losses['distill/loss_imitation'].item() == pytest.approx(
            0.01 * losses['distill/raw_imitation'].item())
        backbone = [
            p.grad for p in model.student.backbone.parameters()
            if p.grad is not None
        ]
        assert any(g.any() for g in backbone)
        assert all(g.isfinite().all() for g in backbone)
        optimizer.step()
    assert all(
        torch.equal(a, b) for a, b in zip(
            teacher, model.teachers['t'].model.parameters(), strict=True))


def test_the_adapter_starts_as_in_the_paper():
    adapters = build('retinanet').distiller.losses['loss_imitation'].connector
    for adapter in adapters:
        conv, activation = adapter
        assert isinstance(activation, nn.ReLU) and conv.kernel_size == (3, 3)
        assert conv.weight.abs().max() <= 2e-4 and not conv.bias.any()
        # A normal distribution, cut off at two standard deviations.
        assert conv.weight.std().item() == pytest.approx(0.8796e-4, rel=0.05)
        assert conv.weight.mean().abs() < 1e-5


def test_levels_of_the_backbone_without_anchors_are_refused():
    with pytest.raises(
            ConfigError, match=r'loss_imitation.*feature level 0 '
            r'of sizes \[\(32, 32\), .*\[1:\]'):
        build('retinanet', 'backbone')


@pytest.mark.parametrize('name', ['fcos', 'detr'])
def test_detectors_without_anchors_are_refused_with_the_way_out(name):
    with pytest.raises(
            ConfigError, match='loss_imitation.*the student has '
            'no anchors. square_scale=8'):
        build(name)


HEADS = dict(
    ssd=('ssd/ssd300_coco.py', [40, 20, 10, 5, 3, 1], 320),
    yolov3=('yolo/yolov3_d53_8xb8-ms-608-273e_coco.py', [4, 8, 16], 128),
    retinanet=('retinanet/retinanet_r50_fpn_1x_coco.py', [16, 8, 4, 2,
                                                          1], 128),
    # HRNet's pyramid rounds down.
    hrnet=('hrnet/faster-rcnn_hrnetv2p-w18-1x_coco.py', [40, 20, 10, 5,
                                                         2], 160))


@pytest.mark.parametrize('name', HEADS)
def test_anchors_are_those_that_the_head_trains_with(name):
    path, sides, side = HEADS[name]
    cfg = get_config('mmdet::' + path).model
    cfg = cfg.get('rpn_head') or cfg.bbox_head
    head = MODELS.build(dict(cfg, _scope_='mmdet')).eval()
    channels = head.in_channels
    if isinstance(channels, int):
        channels = [channels] * len(sides)
    features = [
        torch.zeros(1, c, n, n) for c, n in zip(channels, sides, strict=True)
    ]
    with torch.no_grad():
        maps = head(features)[0]
    sizes = grid_sizes_of(head, (side, side), (features, ))
    assert sizes == [tuple(m.shape[-2:]) for m in maps]
    anchors = anchors_of(head, sizes, torch.device('cpu'))
    for level, each, n, stride in zip(anchors,
                                      head.prior_generator.num_base_priors,
                                      sides, strides_of(head), strict=True):
        assert level.shape == (n * n * each, 4)
        # The A anchors of a cell stand together, row by row.
        shift = level.reshape(n, n, each, 4) - level[:each]
        wanted = torch.tensor([n - 1, n - 1] * 2) * stride[0]
        torch.testing.assert_close(shift[-1, -1],
                                   wanted.expand(each, 4).to(shift))
