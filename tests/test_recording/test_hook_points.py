import pytest
import torch
from mmengine.hub import get_config
from mmengine.structures import InstanceData
from torch import nn

from mmxkd.engine.model_config import build_model
from mmxkd.errors import ConfigError, nearest_names
from mmxkd.recording.hook_points import (
    ALL_CALLS,
    describe,
    layer_names,
    parse,
    pick,
    split_model,
)


class Leaf(nn.Module):

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)
        self.missing = None
        self.layers = nn.ModuleList([nn.ReLU(), nn.Sequential(nn.ReLU())])

    def scores(self):
        return 0


@pytest.fixture()
def model():
    return nn.ModuleDict(dict(neck=Leaf(), backbone=Leaf()))


@pytest.mark.parametrize('text, path, source, call, steps', [
    ('neck', 'neck', 'outputs', None, ()),
    ('neck.conv', 'neck.conv', 'outputs', None, ()),
    ('neck.layers.1', 'neck.layers.1', 'outputs', None, ()),
    ('neck.layers.1.0', 'neck.layers.1.0', 'outputs', None, ()),
    ('neck[2]', 'neck', 'outputs', None, (2, )),
    ('neck[-1]', 'neck', 'outputs', None, (-1, )),
    ('neck[:4]', 'neck', 'outputs', None, (slice(None, 4), )),
    ('neck[1:]', 'neck', 'outputs', None, (slice(1, None), )),
    ('neck[-3:-1]', 'neck', 'outputs', None, (slice(-3, -1), )),
    ('neck[:]', 'neck', 'outputs', None, (slice(None), )),
    ('neck.p3', 'neck', 'outputs', None, ('p3', )),
    ('neck[0].maps.p3[1]', 'neck', 'outputs', None, (0, 'maps', 'p3', 1)),
    ('neck.p3.conv', 'neck', 'outputs', None, ('p3', 'conv')),
    ('neck@2', 'neck', 'outputs', 2, ()),
    ('neck@*', 'neck', 'outputs', ALL_CALLS, ()),
    ('neck@[0:2][1]', 'neck', 'outputs', slice(0, 2), (1, )),
    ('neck@[1:]', 'neck', 'outputs', slice(1, None), ()),
    ('neck.inputs', 'neck', 'inputs', None, ()),
    ('neck.inputs[0]', 'neck', 'inputs', None, (0, )),
    ('neck.inputs.x', 'neck', 'inputs', None, ('x', )),
    ('neck.inputs@1[0]', 'neck', 'inputs', 1, (0, )),
    ('neck.conv.inputs', 'neck.conv', 'inputs', None, ()),
    ('neck.scores()', 'neck', 'scores()', None, ()),
    ('neck.scores()@1[0]', 'neck', 'scores()', 1, (0, )),
])
def test_grammar(model, text, path, source, call, steps):
    point = parse(text, model, 'student')
    assert (point.path, point.source, point.call,
            point.steps) == (path, source, call, steps)
    assert (point.model, point.text) == ('student', text)


@pytest.mark.parametrize('text', [
    '',
    '[0]',
    '@1',
    '.',
    'neck[',
    'neck[]',
    'neck[a]',
    'neck[1:2:3]',
    'neck@',
    'neck@-1',
    'neck@[a]',
    'neck..conv',
    'neck conv',
    'neck/conv',
    'neck[0',
    'neck;',
    'neck.layers.7',
    'neck.layers',
    'nope',
    'neck.nope()',
    'neck.missing.x.0',
    '0',
    '.neck',
    'neck[0]conv',
    'neck@0conv',
    'neck.',
])
def test_what_is_no_address(model, text):
    with pytest.raises(ConfigError) as error:
        parse(text, model, 'student')
    assert repr(text) in str(error.value)


def test_a_layer_that_is_none_is_not_found(model):
    assert parse('neck.missing', model, 'student').steps == ('missing', )


def test_a_list_of_layers_is_never_called(model):
    with pytest.raises(
            ConfigError, match=r"one of its layers: "
            r"\['neck.layers.0', 'neck.layers.1'\]"):
        parse('neck.layers[0]', model, 'student')


@pytest.mark.parametrize('text, model, address', [
    ('neck', '', 'neck'),
    ('gated:neck[:4]', 'gated', 'neck[:4]'),
    (' gated : neck ', 'gated', 'neck'),
    ('neck[0:4]', '', 'neck[0:4]'),
    ('neck@[0:2]', '', 'neck@[0:2]'),
    ('t2:a.b@[0:2][1:]', 't2', 'a.b@[0:2][1:]'),
])
def test_the_model_before_the_colon(text, model, address):
    assert split_model(text, default='') == (model, address)


def at(text, record):
    return pick(
        record,
        parse(f'neck{text}', nn.ModuleDict(dict(neck=nn.Identity())),
              'student'))


def test_values_inside_a_record():
    record = (['a', 'b', 'c'], dict(p3='d', p4=('e', 'f')))
    assert at('', record) is record
    assert at('[0]', record) == ['a', 'b', 'c']
    assert at('[0][:2]', record) == ['a', 'b']
    assert at('[0][-2:]', record) == ['b', 'c']
    assert at('[0][1:3]', record) == ['b', 'c']
    assert at('[-1].p3', record) == 'd'
    assert at('[1].p4[1]', record) == 'f'
    assert at('.bboxes', InstanceData(bboxes=torch.ones(1, 4))).shape == (1, 4)


@pytest.mark.parametrize('text, record, message', [
    ('[3]', ('a', 'b'), r'\[3\] is out of range, there are 2'),
    ('[-3]', ('a', 'b'), r'\[-3\] is out of range'),
    ('[:3]', ('a', 'b'), r'\[:3\] asks for more than the 2 elements'),
    ('[2:]', ('a', 'b'), 'asks for more'),
    ('[0]', torch.ones(2, 3), r'cannot take \[0\] of Tensor \(2, 3\)'),
    ('[0]', dict(p3=1), r"cannot take \[0\] of dict of \['p3'\]"),
    ('.p5', dict(p3=1, p4=2), "no key 'p5'; did you mean 'p3', 'p4'"),
    ('.p5', (1, ), "tuple of 1 × int has no key 'p5'"),
])
def test_values_that_are_not_there(text, record, message):
    with pytest.raises(ConfigError, match=message):
        at(text, record)


@pytest.mark.parametrize('value, words', [
    (torch.zeros(2, 3), 'Tensor (2, 3)'),
    ((), 'empty tuple'),
    ((torch.zeros(1), 'x'), 'tuple of 2 × Tensor (1,) | str'),
    (dict(b=1, a=2), "dict of ['a', 'b']"),
])
def test_describe(value, words):
    assert describe(value) == words


TYPOS = {
    'retinanet/retinanet_r18_fpn_1x_coco': '''
        nek neck
        Neck neck
        necks neck
        backbon backbone
        bakcbone backbone
        back_bone backbone
        backbone.layer5 backbone.layer4
        backbone.layer_3 backbone.layer3
        backbone.layr3 backbone.layer3
        backbone.conv_1 backbone.conv1
        backbone.layer1.0.conv3 backbone.layer1.0.conv2
        neck.fpn_conv.0 neck.fpn_convs.0
        neck.fpn_convs.7 neck.fpn_convs.0
        neck.lateral_conv.1 neck.lateral_convs.1
        bbox_haed bbox_head
        bboxhead bbox_head
        head bbox_head
        bbox_head.retinacls bbox_head.retina_cls
        bbox_head.retina_regs bbox_head.retina_reg
        bbox_head.cls_conv bbox_head.cls_convs
        bbox_head.cls_convs.0.con bbox_head.cls_convs.0.conv
        module.neck neck
        student.neck neck''',
    'faster_rcnn/faster-rcnn_r50_fpn_1x_coco': '''
        roi_haed.bbox_head roi_head.bbox_head
        roi_head.bbox_heads roi_head.bbox_head
        roihead.bbox_head roi_head.bbox_head
        roi_head.bbox_head.shared_fc.0 roi_head.bbox_head.shared_fcs.0
        roi_head.bbox_head.fc_class roi_head.bbox_head.fc_cls
        rpn_head.rpn_class rpn_head.rpn_cls
        rpn.rpn_conv rpn_head.rpn_conv
        bbox_head roi_head.bbox_head
        bbox_head.fc_cls roi_head.bbox_head.fc_cls
        roi_head.roi_extractor roi_head.bbox_roi_extractor
        backbone.layer4.2.conv_3 backbone.layer4.2.conv3
        rpn_head.conv rpn_head.rpn_conv''',
}


def test_the_right_name_is_among_the_first_three_offered(record_property):
    found, missed = 0, []
    for config, typos in TYPOS.items():
        cfg = get_config(f'mmdet::{config}.py').model
        cfg.backbone.init_cfg = None
        names = layer_names(build_model(cfg, 'mmdet'))
        for line in typos.strip().splitlines():
            typo, right = line.split()
            if right in nearest_names(typo, names, 3):
                found += 1
            else:
                missed.append(line)
    assert found + len(missed) == 35
    record_property('trials', found)
    assert len(missed) <= 0.05 * 35, missed


def test_a_misspelt_layer_offers_names(model):
    with pytest.raises(
            ConfigError, match="'t' .* has no layer 'nec'; did "
            "you mean 'neck'"):
        parse('nec[:4]', model, 't')
    with pytest.raises(
            ConfigError, match="no layer 'nekc.conv'; did you "
            "mean 'neck.conv'"):
        parse('nekc.conv', model, 't')
    with pytest.raises(ConfigError, match="did you mean 'neck.layers"):
        parse('neck.layer.0', model, 't')


@pytest.mark.parametrize('prefix',
                         ['student.', 'module.', 'architecture.', 'model.'])
def test_a_prefix_of_wrappers_is_to_be_left_out(model, prefix):
    with pytest.raises(ConfigError, match=f"leave out '{prefix}'"):
        parse(f'{prefix}neck', model, 'student')


def test_a_name_taken_for_a_key_offers_layers(model):
    point = parse('neck.con', model, 'student')
    with pytest.raises(
            ConfigError, match="nor has 'neck' a layer 'con', did "
            "you mean 'neck.conv'"):
        pick((1, 2), point, model)
