"""MMRazor's words and parts, as they stand."""
import glob
import os

import pytest
import torch
from mmengine.config import Config

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow, pictures
from tests.helpers.stacks import needs
from tests.helpers.toys import build, step, toy

mmrazor = needs('mmrazor')


def verbose(connector=None, student='neck'):
    source = dict(from_student=True, recorder='neck', data_idx=0)
    if connector:
        source['connector'] = 'up'
    return dict(
        type='ConfigurableDistiller', student_recorders=dict(
            neck=dict(type='ModuleOutputs', source=student)),
        teacher_recorders=dict(neck=dict(type='ModuleOutputs', source='neck')),
        connectors=dict(up=connector) if connector else {},
        distill_losses=dict(loss_p3=dict(type='mmrazor.L2Loss',
                                         normalize=False, loss_weight=3.0)),
        loss_forward_mappings=dict(loss_p3=dict(
            s_feature=source, t_feature=dict(from_student=False,
                                             recorder='neck', data_idx=0))))


def records(model):
    """First level of both necks in the next step."""
    seen = {}
    for name, net in (('s', model.student), ('t', model.teachers['t'].model)):
        net.neck.register_forward_hook(
            lambda m, a, out, name=name: seen.update({name: out[0]}),
            prepend=True)
    return seen


def test_a_loss_of_mmrazor():
    model = build(distiller=verbose())
    seen = records(model)
    losses = step(model)
    # The sum of squares over the batch size.
    expected = (seen['s'] - seen['t']).square().sum() / 2
    torch.testing.assert_close(losses['distill/loss_p3'], 3 * expected)
    torch.testing.assert_close(losses['distill/raw_p3'], expected.detach())


@pytest.mark.parametrize('connector', [
    dict(type='mmrazor.TorchNNConnector', module_name='Conv2d',
         module_args=dict(in_channels=6, out_channels=9, kernel_size=1)),
    dict(type='mmrazor.ConvModuleConnector', in_channel=6, out_channel=9,
         act_cfg=None)
])
def test_a_connector_of_mmrazor(connector):
    model = build(teacher=dict(cfg=toy(out_channels=9), random=True),
                  distiller=verbose(connector))
    seen = records(model)
    losses = step(model)
    up = model.distiller.connectors['up']
    expected = (up(seen['s']) - seen['t']).square().sum() / 2
    torch.testing.assert_close(losses['distill/raw_p3'], expected.detach())
    losses['distill/loss_p3'].backward()
    for parameter in up.parameters():
        assert parameter.grad.abs().max() > 0
    assert model.distiller.losses['loss_p3'].connector is None


def test_a_layer_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="no layer 'nek'; did you mean "
                       "'neck'"):
        build(distiller=verbose(student='nek'))


def test_an_argument_that_the_loss_lacks_is_named():
    cfg = verbose()
    mapping = cfg['loss_forward_mappings']['loss_p3']
    mapping['s_featur'] = mapping.pop('s_feature')
    with pytest.raises(
            ConfigError, match="no argument 's_featur'; did you "
            "mean 's_feature'"):
        build(distiller=cfg)


def shipped(pattern):
    """Distillers of MMRazor's own detection configs."""
    root = os.path.join(os.path.dirname(mmrazor.__file__), '.mim/configs')
    path, = glob.glob(f'{root}/distill/mmdet/{pattern}')
    cfg = Config.fromfile(path).model.distiller.to_dict()
    for group in ('connectors', 'distill_losses'):
        for part in cfg.get(group, {}).values():
            part['type'] = 'mmrazor.' + part['type']
    return cfg


def wide(name):
    cfg = narrow(name)
    cfg.neck.out_channels = 256
    if name == 'retinanet':
        cfg.bbox_head.in_channels = 256
    else:
        cfg.rpn_head.in_channels = 256
        cfg.roi_head.bbox_roi_extractor.out_channels = 256
        cfg.roi_head.bbox_head.in_channels = 256
    return cfg


@pytest.mark.parametrize(
    'pattern, name, losses, size',
    [
        ('cwd/cwd_fpn_frcnn_r101_frcnn_r50_1x_coco.py', 'faster_rcnn', 5, 64),
        ('mgd/mgd_fpn_retina_x101_retina_r50_2x_coco.py', 'retinanet', 5, 64),
        ('pkd/pkd_fpn_faster-rcnn_r101_faster-rcnn_r50_2x_coco.py',
         'faster_rcnn', 4, 64),
        # Its last level is pooled twice.
        ('fbkd/fbkd_fpn_faster-rcnn_r101_faster-rcnn_r50_1x_coco.py',
         'faster_rcnn', 4, 128)
    ])
def test_the_configs_of_mmrazor_as_they_stand(pattern, name, losses, size):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(type='mmxkd.CrossModalDistill', student=wide(name),
             teachers=dict(t=dict(cfg=wide(name), random=True)),
             distiller=shipped(pattern)))
    for teacher in model.teachers.values():
        teacher.load()
    found = step(model, pictures(height=size, width=size))
    ours = {k: v for k, v in found.items() if k.startswith('distill/loss')}
    assert len(ours) == losses
    assert all(torch.isfinite(v) for v in ours.values())
    assert sum(ours.values()) > 0
