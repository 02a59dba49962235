"""Distillers in MMRazor's words, as its detection configs have them."""
import pytest
import torch

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow, pictures
from tests.helpers.stacks import needs
from tests.helpers.toys import step

needs('mmrazor.models')

LEVELS = 4  # The fifth has one cell: as good as constant in each channel.


def block(loss, connector=None):
    """One recorder, and a loss, a mapping and a connector for each level."""

    def mapping(level):
        student = dict(from_student=True, recorder='fpn', data_idx=level)
        if connector:
            student['connector'] = f's_fpn{level}_connector'
        return dict(
            preds_S=student, preds_T=dict(from_student=False, recorder='fpn',
                                          data_idx=level))

    found = dict(
        type='ConfigurableDistiller',
        student_recorders=dict(fpn=dict(type='ModuleOutputs', source='neck')),
        teacher_recorders=dict(fpn=dict(type='ModuleOutputs', source='neck')),
        distill_losses={f'loss_fpn{i}': loss for i in range(LEVELS)},
        loss_forward_mappings={
            f'loss_fpn{i}': mapping(i) for i in range(LEVELS)
        })
    if connector:
        found['connectors'] = {
            f's_fpn{i}_connector': connector for i in range(LEVELS)
        }
    return found


def build(distiller):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(type='mmxkd.CrossModalDistill', student=narrow('retinanet'),
             teachers=dict(t=dict(cfg=narrow('retinanet'), random=True)),
             distiller=distiller)).train()
    model.init_weights()
    torch.manual_seed(1)
    for part in (model.student, model.teachers['t'].model):
        for parameter in part.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
    return model


def values(model):
    torch.manual_seed(2)
    logs = step(model, pictures())
    found = [logs[f'distill/loss_fpn{i}'] for i in range(LEVELS)]
    sum(found).backward()
    gradient = model.student.backbone.conv1.weight.grad
    assert gradient.abs().max() > 0
    return torch.stack(found).detach(), gradient


@pytest.mark.parametrize('theirs, ours, options', [
    ('ChannelWiseDivergence', 'ChannelWiseDistillationLoss',
     dict(tau=1, loss_weight=10)),
    ('PKDLoss', 'PKDLoss', dict(loss_weight=6)),
    ('PKDLoss', 'PKDLoss', dict(loss_weight=2, resize_stu=False)),
])
def test_the_type_alone_changes(theirs, ours, options):
    for one, two in zip(
            values(build(block(dict(type=f'mmrazor.{theirs}', **options)))),
            values(build(block(dict(type=ours, **options)))), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_connector_of_mgd_becomes_part_of_the_loss():
    theirs = build(
        block(
            dict(type='mmrazor.MGDLoss', alpha_mgd=0.5),
            dict(type='mmrazor.MGDConnector', student_channels=16,
                 teacher_channels=16, lambda_mgd=0.65)))
    ours = build(
        block(dict(type='MGDLoss', channels=16, alpha_mgd=0.5,
                   lambda_mgd=0.65)))
    for i in range(LEVELS):
        connector = theirs.distiller.connectors[f's_fpn{i}_connector']
        ours.distiller.losses[f'loss_fpn{i}'].module.generation[
            0].load_state_dict(connector.generation.state_dict())
    for one, two in zip(values(theirs), values(ours), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_mgd_generates_once():
    """Ours has the generator of MMRazor's connector in it."""
    model = build(block(dict(type='MGDLoss', alpha_mgd=2e-5)))
    losses, _ = values(model)
    assert (losses > 0).all()
    connector = dict(type='mmrazor.MGDConnector', student_channels=32,
                     teacher_channels=32, lambda_mgd=0.5)
    with pytest.raises(
            ConfigError, match='MGDLoss does itself what '
            'MGDConnector does; leave the connector out'):
        build(block(dict(type='MGDLoss', alpha_mgd=2e-5), connector))
