"""Pruned detectors: exact, smaller, and built again from their config."""
import copy

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmxkd.compression import prune, pruned_config
from mmxkd.compression.shuffledet import importance, prune_bottleneck
from mmxkd.engine.model_config import build_model
from mmxkd.engine.model_size import measure
from mmxkd.errors import ConfigError
from mmxkd.models.backbones.shuffledet_net import ShuffleUnit
from mmxkd.models.detectors import narrow, widths_between
from tests.helpers.detectors import narrow as narrow_config
from tests.helpers.onnx_case import FAMILIES, random_model


def configs(repo, family):
    return Config.fromfile(repo / f'configs/{FAMILIES[family]}.py')


def outputs(model, inputs):
    with torch.no_grad():
        levels = model.bbox_head(model.extract_feat(inputs))
    return [level for maps in levels for level in maps]


def macs(model, inputs):
    return measure(model, lambda: outputs(model, inputs)).macs


def randomised(unit):
    torch.manual_seed(0)
    for module in unit.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, .5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
    return unit.eval()


@pytest.mark.parametrize('stride, first, last', [(1, 3, 3), (2, 1, 3),
                                                 (2, 1, 1)])
@pytest.mark.parametrize('size', [1, 2, 3, 5, 8, 10])
@pytest.mark.parametrize('ratio', [.25, .5, .9])
def test_a_pruned_unit_is_the_unit_with_these_channels_at_0(
        stride, first, last, ratio, size):
    """Which ones, is read off the weights; zeroed in the whole unit."""
    full = 3 * size
    before = 3 if stride == 2 else 4 * full
    unit = randomised(
        ShuffleUnit(before, 4 * full, stride, first_groups=first,
                    last_groups=last))
    pruned = copy.deepcopy(unit)
    prune_bottleneck(pruned, ratio)
    left = pruned.conv1.conv.out_channels
    wanted = max(1, round(size * (1 - ratio)))
    # Of 2, 5, 8 … channels, a single one cannot go.
    alone = wanted == size - 1 and size % 3 == 2
    assert left == (full if alone else 3 * wanted)
    assert pruned.dconv.conv.groups == pruned.conv2.conv.in_channels == left
    # Each kept row of the first layer is one of the old rows.
    rows = unit.conv1.conv.weight.flatten(1)
    kept = [
        int((rows == row).all(1).nonzero())
        for row in pruned.conv1.conv.weight.flatten(1)
    ]
    assert [sum(k // size == g for k in kept)
            for g in range(3)] == [left // 3] * 3
    # Behind the shuffle, written out: channel i of group g comes 3 i + g.
    behind = [3 * (k % size) + k // size for k in kept]
    gone = sorted(set(range(full)) - set(behind))
    silent = copy.deepcopy(unit)
    with torch.no_grad():
        # Where the last layer reads it, whatever it is.
        own = full // last
        weight = silent.conv2.conv.weight.view(last, -1, own)
        for channel in gone:
            weight[channel // own, :, channel % own] = 0
    x = torch.randn(2, before, 9, 12)
    with torch.no_grad():
        torch.testing.assert_close(pruned(x), silent(x))


def test_importance_is_the_sum_of_relative_squared_norms():
    first = torch.tensor([[1., 1.], [2., 0.], [0., 0.]])
    second = torch.tensor([[3., 0., 3.]])
    # Squares 2, 4, 0 over their mean 2; 9, 0, 9 over their mean 6.
    assert importance([first], [second]).tolist() == [2.5, 2., 1.5]


@pytest.mark.parametrize('family, size', [('shuffledet', (64, 96)),
                                          ('ssdlite', (300, 300))])
def test_a_pruned_detector_is_built_from_its_config(repo, tmp_path, family,
                                                    size):
    if family == 'ssdlite':
        pytest.importorskip('torch_pruning', reason='needs extra compress')
    cfg = configs(repo, family)
    model = random_model(copy.deepcopy(cfg.model))
    inputs = torch.randn(1, 3, *size) * 30
    shapes, before = [m.shape
                      for m in outputs(model, inputs)], macs(model, inputs)
    prune(model, .4, size)
    expected = outputs(model, inputs)
    assert [m.shape for m in expected] == shapes
    # The stem of the tiny ShuffleDet, which stays, is 40 % of it.
    assert macs(model, inputs) < (.7 if family == 'ssdlite' else .8) * before
    pruned_config(cfg, model, 'weights.pth').dump(tmp_path / 'pruned.py')
    again = Config.fromfile(tmp_path / 'pruned.py')
    assert again.load_from == 'weights.pth'
    built = build_model(again.model, 'mmdet').eval()
    built.load_state_dict(model.state_dict())
    for one, other in zip(outputs(built, inputs), expected, strict=True):
        assert torch.equal(one, other)
    # It can be pruned once more; the widths are those of the plain detector.
    prune(built, .3, size)
    once_more = pruned_config(again, built, 'weights.pth')
    assert build_model(once_more.model,
                       'mmdet').load_state_dict(built.state_dict())


def test_detectors_that_cannot_be_written_as_pruned():
    cfg = Config(dict(model=narrow_config('faster_rcnn')))
    with pytest.raises(ConfigError, match='a .*FasterRCNN cannot be written'):
        pruned_config(cfg, nn.Identity(), 'weights.pth')


def test_the_student_of_a_distillation_is_replaced(repo):
    cfg = Config.fromfile(
        repo / 'configs/fine_grained/shuffledet_x05_imitation_kitti_tiny.py')
    model = random_model(copy.deepcopy(cfg.model.student))
    prune(model, .4, (64, 96))
    found = pruned_config(cfg, model, 'weights.pth')
    assert found.model.type == 'mmxkd.CrossModalDistill'
    assert found.model.student.type == 'mmxkd.NarrowDetector'
    # Half of the last map's channels, in groups of three, are gone.
    width = found.model.student.widths['backbone.added3.1.conv2.conv']
    assert width[1] == 3 * round(32 * .6)
    assert found.model.teachers == cfg.model.teachers
    found.model.teachers = dict(
        x1=dict(cfg=found.model.teachers.x1.cfg, random=True))
    with_teacher = build_model(found.model, 'mmdet')
    adapter = with_teacher.distiller.losses.loss_imitation.connector
    assert adapter[0][0].in_channels == width[1]


def test_what_cannot_be_pruned_is_refused():
    model = build_model(narrow_config('retinanet'), 'mmdet')
    with pytest.raises(ValueError, match='RetinaNet cannot be pruned'):
        prune(model, .3, (64, 64))
    for ratio in (0, 1, -.1):
        with pytest.raises(ValueError, match=f'prune={ratio}, expected'):
            prune(model, ratio, (64, 64))


def test_widths_of_layers_are_checked():
    net = nn.Sequential(nn.Conv2d(6, 12, 1, groups=3), nn.BatchNorm2d(12),
                        nn.Conv2d(12, 12, 3, groups=12))
    full = copy.deepcopy(net)
    narrow(net, {'0': (6, 9), '1': (9, ), '2': (9, 9)})
    assert net(torch.zeros(2, 6, 4, 4)).shape[1] == 9
    assert widths_between(net, full) == {'0': [6, 9], '1': [9], '2': [9, 9]}
    for name, width, message in (('0', (6, 10), 'multiples of 3'),
                                 ('1', (13, ), 'at most'),
                                 ('1', (3, 3), 'expected 1 number'),
                                 ('2', (0, 0), 'at most')):
        with pytest.raises(ValueError, match=message):
            narrow(copy.deepcopy(full), {name: width})
    with pytest.raises(ValueError, match="layer of widths='10'"):
        narrow(full, {'10': (1, )})
