"""The short form computes what MMRazor's words say."""
import inspect

import pytest
import torch

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.errors import ConfigError
from mmxkd.migration.mmrazor_losses import translate_distiller
from mmxkd.migration.mmrazor_translations import TRANSLATIONS
from tests.helpers.mmrazor_blocks import block, build, values
from tests.helpers.stacks import needs


def entry(student, recorder='fpn', **more):
    return dict(from_student=student, recorder=recorder, **more)


def one(loss, arguments=('preds_S', 'preds_T'), source='neck', **connectors):
    """A distiller with one loss of two features."""
    recorders = dict(fpn=dict(type='ModuleOutputs', source=source))
    student = dict(connector='own') if connectors else {}
    return dict(
        student_recorders=recorders, teacher_recorders=recorders,
        distill_losses=dict(loss_a=loss), connectors=connectors,
        loss_forward_mappings=dict(
            loss_a={
                arguments[0]: entry(True, data_idx=0, **student),
                arguments[1]: entry(False, data_idx=0)
            }))


@pytest.mark.parametrize('options', [
    dict(type='ChannelWiseDivergence', tau=2, loss_weight=3),
    dict(type='PKDLoss', loss_weight=6),
    dict(type='PKDLoss', resize_stu=False),
])
def test_levels_become_one_loss_of_the_same_value(options):
    needs('mmrazor.models')
    theirs = block(dict(options, type='mmrazor.' + options['type']))
    ours, notes = translate_distiller(block(options), 'mmrazor')
    assert list(ours) == ['losses'] and list(ours['losses']) == ['loss_fpn']
    assert ours['losses']['loss_fpn']['student'] == 'neck[:4]'
    assert 'sum over 4 levels' in notes[0]
    expected, gradient = values(build(theirs))
    for loss in ours['losses'].values():
        loss['teacher'] = 't:neck[:4]'
    model = build(ours)
    found, own = _sum(model)
    torch.testing.assert_close(found, expected.sum(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(own, gradient, rtol=1e-4, atol=1e-6)


def _sum(model):
    from tests.helpers.detectors import pictures
    from tests.helpers.toys import step
    torch.manual_seed(2)
    value = step(model, pictures())['distill/loss_fpn']
    value.backward()
    return value.detach(), model.student.backbone.conv1.weight.grad


def test_mgd_takes_its_connector():
    cfg = block(
        dict(type='MGDLoss', alpha_mgd=0.5),
        dict(type='MGDConnector', student_channels=16, teacher_channels=16,
             lambda_mgd=0.45))
    found, _ = translate_distiller(cfg, 'mmrazor')
    assert found == dict(losses=dict(
        loss_fpn=dict(type='MGDLoss', channels=[16]
                      * 4, alpha_mgd=0.5, lambda_mgd=0.45, student='neck[:4]',
                      teacher='neck[:4]')))


@pytest.mark.parametrize('theirs, arguments, ours', [
    (dict(type='ATLoss', loss_weight=2), ('s_feature', 't_feature'),
     dict(type='AttentionTransferLoss', loss_weight=2)),
    (dict(type='KLDivergence', tau=3),
     ('preds_S', 'preds_T'), dict(type='SoftLabelKLLoss', temperature=3)),
    (dict(type='KLDivergence'),
     ('preds_S', 'preds_T'), dict(type='SoftLabelKLLoss', temperature=1.0)),
    (dict(type='KDSoftCELoss', tau=2, loss_weight=0.5), ('preds_S', 'preds_T'),
     dict(type='SoftCrossEntropyLoss', temperature=2, background_weight=1.0,
          loss_weight=2.0)),
    (dict(type='L2Loss', normalize=False, div_element=True),
     ('s_feature', 't_feature'), dict(type='FeatureMSELoss')),
])
def test_counterparts(theirs, arguments, ours):
    found, _ = translate_distiller(one(theirs, arguments), 'mmrazor')
    assert found == dict(losses=dict(
        loss_a=dict(ours, student='neck[0]', teacher='neck[0]')))


@pytest.mark.parametrize('theirs, arguments', [
    (dict(type='KLDivergence', reduction='sum'), ('preds_S', 'preds_T')),
    (dict(type='L2Loss'), ('s_feature', 't_feature')),
    (dict(type='L1Loss', loss_weight=2), ('s_feature', 't_feature')),
    (dict(type='DKDLoss', alpha=2), ('preds_S', 'preds_T')),
    (dict(type='PKDLoss'), ('preds_T', 'preds_S')),
])
def test_others_stay_mmrazors(theirs, arguments):
    found, notes = translate_distiller(one(theirs, arguments), 'mmrazor')
    (loss, ) = found['losses'].values()
    assert loss.pop('inputs') == {
        arguments[0]: 'neck[0]', arguments[1]: 'teacher:neck[0]'
    }
    assert loss == dict(theirs, type='mmrazor.' + theirs['type'])
    assert 'runs as it is' in notes[0]


@pytest.mark.parametrize('scope, kind, expected', [
    ('mmrazor', 'Own', 'mmrazor.Own'),
    ('mmdet', 'Own', 'Own'),
    ('mmdet', 'mmrazor.Own', 'mmrazor.Own'),
    (None, 'PKDLoss', 'PKDLoss'),
    ('mmdet', 'mmrazor.PKDLoss', 'PKDLoss'),
])
def test_scope_of_bare_names(scope, kind, expected):
    found, _ = translate_distiller(one(dict(type=kind)), scope)
    assert found['losses']['loss_a']['type'] == expected


def test_what_the_short_form_has_no_words_for_stays():
    cfg = one(dict(type='PKDLoss'), own=dict(type='ConvModuleConnector'))
    cfg['student_recorders']['unused'] = dict(type='ModuleOutputs', source='x')
    cfg['distill_losses']['loss_b'] = dict(type='PKDLoss')
    cfg['loss_forward_mappings']['loss_b'] = dict(
        preds_S=entry(True, data_idx=1), preds_T=entry(False, data_idx=1))
    found, _ = translate_distiller(cfg, 'mmrazor')
    assert list(found['losses']) == ['loss_b']
    assert list(found['distill_losses']) == ['loss_a']
    assert found['connectors'] == dict(own=dict(
        type='mmrazor.ConvModuleConnector'))
    assert found['student_recorders'] == found['teacher_recorders'] == dict(
        fpn=dict(type='ModuleOutputs', source='neck'))


def test_losses_with_other_weights_stay_apart():
    cfg = block(dict(type='PKDLoss'))
    cfg['distill_losses']['loss_fpn1'] = dict(type='PKDLoss', loss_weight=2)
    found, _ = translate_distiller(cfg, 'mmrazor')
    assert {n: x['student'] for n, x in found['losses'].items()} == {
        'loss_fpn0': 'neck[0]', 'loss_fpn1': 'neck[1]', 'loss_fpn': 'neck[2:4]'
    }


@pytest.mark.parametrize('cfg, reason', [
    (dict(one(dict(type='PKDLoss')),
          type='BYOTDistiller'), "distiller.type='BYOTDistiller'"),
    (one(dict(type='PKDLoss')) | dict(loss_forward_mappings={}),
     'silently absent'),
    (one(dict(type='PKDLoss')) | dict(student_recorders=dict(
        fpn=dict(type='FunctionOutputs', source='a.b'))),
     'instead of a function'),
])
def test_refused(cfg, reason):
    with pytest.raises(ConfigError, match=reason):
        translate_distiller(cfg, 'mmrazor')


def test_options_that_are_read_are_mmrazors():
    """Also the default of ``tau``, which becomes ``temperature``."""
    losses = needs('mmrazor.models.losses')
    known = {
        name: inspect.signature(getattr(losses, name)).parameters
        for name in TRANSLATIONS
    }
    for name in ('KLDivergence', 'KDSoftCELoss'):
        assert known[name]['tau'].default == 1.0
    assert known['KLDivergence']['reduction'].default == 'batchmean'
    assert set(known['ChannelWiseDivergence']) == {'tau', 'loss_weight'}
    assert set(known['PKDLoss']) == {'resize_stu', 'loss_weight'}
    assert set(known['ATLoss']) == {'loss_weight'}
