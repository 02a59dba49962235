import pytest
import torch
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.toys import build, mse, step, toy


@MODELS.register_module()
class WholeLoss(nn.Module):
    """Wants all levels at once, and says so by its annotation."""

    def forward(self, s: tuple, t: tuple):
        return sum((a - b).abs().mean() for a, b in zip(s, t, strict=True))


@MODELS.register_module()
class PlainLoss(nn.Module):
    """Knows one level, as the losses of other packages."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor, self.calls = factor, []

    def forward(self, preds_S, preds_T, margin=0.0):
        self.calls.append(tuple(preds_S.shape))
        return self.factor * (preds_S - preds_T + margin).abs().mean()


@MODELS.register_module()
class ThreeWayLoss(nn.Module):
    """Reads two teachers."""

    def forward(self, student, one, other):
        return (student - (one + other) / 2).square().mean()


@MODELS.register_module()
class ContextLoss(nn.Module):
    """Asks for all that a loss may ask for."""

    def forward(self, student, teacher, batch_data_samples, batch_img_metas,
                progress):
        self.seen = batch_data_samples, batch_img_metas, progress
        return (student - teacher).square().mean()


def levels(model, name='loss_a'):
    return model.distiller.losses[name]


def test_a_foreign_loss_is_summed_over_levels():
    model = build(loss_a=dict(type='PlainLoss', factor=2.0, student='neck',
                              teacher='neck', loss_weight=0.5))
    seen = {}
    for name, net in (('student', model.student), ('t',
                                                   model.teachers['t'].model)):
        net.neck.register_forward_hook(
            lambda m, a, out, name=name: seen.update({name: out}),
            prepend=True)
    losses = step(model)
    expected = sum(2 * (s - t).abs().mean()
                   for s, t in zip(seen['student'], seen['t'], strict=True))
    torch.testing.assert_close(losses['distill/raw_a'], expected.detach())
    torch.testing.assert_close(losses['distill/loss_a'], 0.5 * expected)


def test_a_loss_that_takes_a_tuple_gets_all_levels():
    whole = build(
        loss_a=dict(type='WholeLoss', student='neck', teacher='neck'))
    each = build(loss_a=dict(type='PlainLoss', student='neck', teacher='neck'))
    torch.testing.assert_close(
        step(whole)['distill/loss_a'],
        step(each)['distill/loss_a'])
    assert len(levels(each).module.calls) == 2


def test_repeated_calls_are_levels_too():
    model = build(loss_a=dict(type='PlainLoss', student='bbox_head.cls@*',
                              teacher='bbox_head.cls@*'))
    step(model)
    assert levels(model).module.calls == [(2, 1, 8, 12), (2, 1, 4, 6)]


def test_arguments_by_name_in_any_order():
    by_name = build(loss_a=dict(type='PlainLoss', inputs=dict(
        preds_T='t:neck', preds_S='neck')))
    by_side = build(
        loss_a=dict(type='PlainLoss', student='neck', teacher='neck'))
    assert list(levels(by_name).inputs.readings) == ['preds_S', 'preds_T']
    torch.testing.assert_close(
        step(by_name)['distill/loss_a'],
        step(by_side)['distill/loss_a'])


def test_the_connector_is_the_students_in_any_order():
    model = build(
        teacher=dict(cfg=toy(out_channels=9), random=True),
        loss_a=dict(type='PlainLoss', inputs=dict(preds_T='t:neck',
                                                  preds_S='neck')))
    assert [m.conv.weight.shape
            for m in levels(model).connector] == [(9, 6, 1, 1)] * 2
    step(model)
    assert levels(model).module.calls[0][1] == 9


def test_a_loss_that_reads_two_teachers():
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=toy(),
            teachers=dict(a=dict(cfg=toy(), random=True),
                          b=dict(cfg=toy(), random=True)),
            distiller=dict(losses=dict(
                loss_three=dict(
                    type='ThreeWayLoss', inputs=dict(
                        student='neck[0]', one='a:neck[0]',
                        other='b:neck[0]')), loss_b=mse(teacher='b:neck')))))
    model.init_weights()
    seen = {}
    nets = dict(s=model.student, a=model.teachers['a'].model,
                b=model.teachers['b'].model)
    for name, net in nets.items():
        net.neck.register_forward_hook(
            lambda m, a, out, name=name: seen.update({name: out[0]}),
            prepend=True)
    losses = step(model)
    expected = (seen['s'] - (seen['a'] + seen['b']) / 2).square().mean()
    torch.testing.assert_close(losses['distill/loss_three'], expected)
    assert levels(model, 'loss_three').inputs.teachers == {'a', 'b'}
    assert levels(model, 'loss_b').inputs.teachers == {'b'}


def test_a_list_of_teachers_is_no_list_of_levels():

    class MeanTeacherLoss(nn.Module):

        def forward(self, student, teachers):
            self.seen = student.shape, [t.shape for t in teachers]
            return (student - sum(teachers) / 2).square().mean()

    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=toy(),
            teachers=dict(a=dict(cfg=toy(out_channels=9), random=True),
                          b=dict(cfg=toy(out_channels=9), random=True)),
            distiller=dict(losses=dict(
                loss_a=dict(type=MeanTeacherLoss, student='neck[0]',
                            teacher=['a:neck[0]', 'b:neck[0]'])))))
    model.init_weights()
    step(model)
    assert levels(model).module.seen == ((2, 9, 8, 12), [(2, 9, 8, 12)] * 2)


def test_a_list_of_layers_is_a_list_of_levels():
    addresses = ['backbone[0]', 'neck[1]', 'backbone.down']
    model = build(
        teacher=dict(cfg=toy(out_channels=9, channels=5), random=True),
        loss_a=dict(type='PlainLoss', student=addresses, teacher=addresses))
    assert [m.conv.weight.shape[:2]
            for m in levels(model).connector] == [(5, 4), (9, 6), (5, 4)]
    step(model)
    assert levels(model).module.calls == [(2, 5, 8, 12), (2, 9, 4, 6),
                                          (2, 5, 4, 6)]


def test_context_by_argument_name():
    model = build(
        loss_a=dict(type='ContextLoss', student='neck[0]', teacher='neck[0]'))
    step(model)
    samples, metas, progress = levels(model).module.seen
    assert [s.frame_id for s in samples] == ['frame_0', 'frame_1']
    assert samples[0].gt_instances.bboxes.shape == (1, 4)
    assert [m['img_shape'] for m in metas] == [(16, 24)] * 2
    assert progress.iter == 0


def test_inferred_connectors_teach():
    model = build(teacher=dict(cfg=toy(out_channels=9), random=True),
                  loss_a=mse())
    losses = step(model)
    losses['distill/loss_a'].backward()
    for parameter in levels(model).connector.parameters():
        assert parameter.grad.abs().max() > 0
    assert model.student.neck.lateral[0].weight.grad.abs().max() > 0


def test_no_connector_where_none_is_needed_or_wanted():
    assert levels(build(loss_a=mse())).connector is None
    with pytest.raises(
            ConfigError, match=r"'loss_a': FeatureMSELoss cannot "
            r'be computed from student:neck of Toy in the dry .* '
            r'level 0 is \(2, 6, 64, 64\) in the student, '
            r'\(2, 9, 64, 64\) in the teacher'):
        build(teacher=dict(cfg=toy(out_channels=9), random=True),
              loss_a=mse(connector=None))


def test_a_stated_connector_is_used():
    model = build(
        teacher=dict(cfg=toy(out_channels=9), random=True), loss_a=mse(
            'neck[0]', 'neck[0]', connector=dict(type='AlignConnector',
                                                 in_channels=6,
                                                 out_channels=9)))
    assert type(levels(model).connector).__name__ == 'AlignConnector'
    assert step(model)['distill/loss_a'] > 0


def test_a_stated_connector_learns_its_channels():
    model = build(
        teacher=dict(cfg=toy(out_channels=9), random=True),
        loss_a=mse('neck', 'neck', connector=dict(type='ConvConnector',
                                                  kernel_sizes=[3, 1])),
        loss_b=mse('neck[0]', 'neck[0]',
                   connector=dict(type=nn.Conv2d, kernel_size=1)))
    connector = levels(model).connector
    assert [[m.weight.shape for m in level if isinstance(m, nn.Conv2d)]
            for level in connector] == [[(9, 6, 3, 3), (9, 9, 1, 1)]] * 2
    assert connector[0] is not connector[1]
    losses = step(model)
    assert losses['distill/loss_b'] > 0
    losses['distill/loss_a'].backward()
    for parameter in connector.parameters():
        assert parameter.grad.abs().max() > 0


def test_a_connector_of_equal_channels_is_built_too():
    """An adapter is asked for, also where none is needed."""
    model = build(loss_a=mse(connector=dict(type='ConvConnector')))
    assert [m[0].weight.shape
            for m in levels(model).connector] == [(6, 6, 1, 1)] * 2


def test_channels_that_nothing_tells_must_be_stated():
    connector = dict(type='ConvConnector')
    with pytest.raises(
            ConfigError, match=r"'loss_a': connector=.* no dry run "
            r"told its channels; state \('in_channels', "):
        build(dry_run=False, loss_a=mse(connector=connector))
    with pytest.raises(
            ConfigError, match=r"connector: state \('in_channels', "
            r"'out_channels'\), since a level is \(2, 24576\)"):
        build(student=dict(type=WithVector),
              loss_a=mse('vector', 'neck[0]', connector=connector))


@MODELS.register_module()
class StatefulLoss(nn.Module):
    """Counts its calls, and learns a mean."""

    def __init__(self):
        super().__init__()
        self.norm, self.calls = nn.BatchNorm2d(6), 0

    def forward(self, student, teacher):
        self.calls += 1
        return (self.norm(student) - teacher).square().mean()


def test_the_rehearsal_leaves_no_trace():
    module = levels(
        build(loss_a=dict(type='StatefulLoss', student='neck[0]',
                          teacher='neck[0]'))).module
    assert module.calls == 0 and module.training
    assert module.norm.training and module.norm.num_batches_tracked == 0


@MODELS.register_module()
class MapsLoss(nn.Module):
    """Tells channels from positions, and would like anchors."""

    maps_only = True

    def forward(self, student, teacher, strides=((1, 1), )):
        self.seen = strides
        return (student - teacher).square().mean()


def test_what_is_no_map_is_refused():
    model = dict(student=dict(type=WithVector),
                 teacher=dict(cfg=dict(type=WithVector), random=True))
    with pytest.raises(
            ConfigError, match=r"'loss_a': MapsLoss compares "
            r'maps, student:vector is \(2, 24576\), no \(N, '):
        build(**model, loss_a=dict(type='MapsLoss', student='vector',
                                   teacher='vector'))
    for kind in ('FeatureMSELoss', 'SoftLabelKLLoss'):
        assert levels(
            build(**model, loss_a=dict(type=kind, student='vector',
                                       teacher='vector')))


def test_what_the_student_cannot_serve():
    """Is refused by name, unless the loss can do without it."""

    class AnchorLoss(nn.Module):

        def forward(self, student, teacher, anchors):
            return (student - teacher).square().mean()

    with pytest.raises(
            ConfigError, match=r"'loss_a': it asks for 'anchors' "
            "or 'strides', but no head of Toy has a prior_gen"):
        build(
            loss_a=dict(type=AnchorLoss, student='neck[0]', teacher='neck[0]'))
    model = build(
        loss_a=dict(type='MapsLoss', student='neck[0]', teacher='neck[0]'))
    step(model)
    assert levels(model).module.seen == ((1, 1), )


@pytest.mark.parametrize('loss, message', [
    (mse('neck', 'neck[:1]'), r"'loss_a': student:neck has 2 levels, "
     r't:neck\[:1\] has 1; choose as many'),
    (mse('neck[:3]', 'neck'), 'asks for more than the 2 elements'),
    (mse('neck[5]', 'neck'), 'out of range'),
    (mse('nek', 'neck'), "no layer 'nek'; did you mean 'neck'"),
    (mse('neck', 'nek'), "'t' .* no layer 'nek'; did you mean 'neck'"),
    (mse('neck.laterl', 'neck'), "did you mean 'neck.lateral'"),
    (mse(levels=3), "FeatureMSELoss has no argument 'levels'; did you mean "
     "'level_weights'"),
    (dict(mse(), type='FeatureMSE'), "no type 'FeatureMSE'; did you mean "
     "'FeatureMSELoss'"),
    (mse(inputs=dict(s_featur='neck')), "no argument 's_featur'; did you "
     "mean 's_feature'"),
    (mse(inputs=dict(s_feature='neck')), "'s_feature' is given twice"),
    (dict(type='PlainLoss',
          student='neck'), r"no source for its arguments \['preds_T'\]"),
    (dict(type='PlainLoss', student='neck',
          inputs=dict(margin='neck')), 'no source for its arguments'),
    (mse(loss_weight='big'), "'loss_a': loss_weight: expected a number"),
    (mse(loss_weight=dict(type='Linear')), "'loss_a': loss_weight: Linear"),
    (mse(connector=dict(type='AlignConnectors')), "connector: there is no "
     "type 'AlignConnectors'; did you mean 'AlignConnector'"),
    (mse(connector=dict(type='AlignConnector', in_channel=3)),
     "no argument 'in_channel'; did you mean 'in_channels'"),
    (dict(type='AdversarialFeatureLoss', mode='x', student='neck',
          teacher='neck'), "mode='x', expected one of .*'reversal'"),
    (mse('backbone.stem', 'bbox_head'), 'has 1 levels, t:bbox_head has 2'),
    (mse(['neck[0]', 'neck[1]'], 'neck[0]'), 'has 2 levels'),
])
def test_what_cannot_be_bound(loss, message):
    with pytest.raises(ConfigError, match=message):
        build(loss_a=loss)


def test_a_repeated_layer_is_refused_when_built():
    with pytest.raises(
            RuntimeError, match=r'called 2 times; say which by '
            r'bbox_head.cls@0 … bbox_head.cls@1'):
        build(loss_a=mse('bbox_head.cls', 'bbox_head.cls@0'))


class WithVector(toy()['type']):

    def __init__(self):
        super().__init__()
        self.vector = nn.Flatten()

    def extract_feat(self, inputs):
        features = super().extract_feat(inputs)
        self.vector(features[0])
        return features


def test_shapes_that_no_connector_joins():
    with pytest.raises(
            ConfigError, match=r"'loss_a': shapes .* a connector "
            r'can be inferred for \(N, C, H, W\) maps only'):
        build(student=dict(type=WithVector), loss_a=mse('vector', 'neck[0]'))
