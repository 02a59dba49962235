"""Distillers in MMRazor's words, as its detection configs have them."""
import pytest
import torch

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.errors import ConfigError
from tests.helpers.mmrazor_blocks import LEVELS, block, build, values
from tests.helpers.stacks import needs

needs('mmrazor.models')


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
