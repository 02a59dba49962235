"""The backbone: shapes, padding, groups and initialisation."""
import math

import pytest
import torch
import torch.nn.functional as F

from mmxkd.errors import ConfigError
from mmxkd.models.backbones.shuffledet_net import ShuffleUnit, shuffle
from mmxkd.registry import MODELS
from tests.helpers.golden_shuffledet import NETS


def net(**options):
    return MODELS.build(dict(type='mmxkd.ShuffleDetNet', **options))


@pytest.mark.parametrize('name, stem, groups', [
    ('x1', 16, (240, 480, 960, 768)),
    ('x05', 24, (120, 240, 480, 384)),
    ('x025', 24, (60, 120, 240, 192)),
])
def test_stages(name, stem, groups):
    model = net(**NETS[name][0], out_indices=(0, 1, 2, 3)).eval()
    with torch.no_grad():
        found = model(torch.zeros(1, 3, 32, 64))
    assert [tuple(f.shape[1:]) for f in found
            ] == [(c, 32 // s, 64 // s)
                  for c, s in zip(groups, (4, 8, 16, 16), strict=True)]
    assert model.conv1.conv.out_channels == stem
    assert [len(model.get_submodule(f'group{i}'))
            for i in (1, 2, 3)] == [4, 6, 4]


@pytest.mark.parametrize('name, expected', [
    ('x1', {
        'group1.0': (60, 224), 'group2.0': (120, 240), 'group3.0': (240, 480),
        'added3.0': (240, 960), 'added3.1': (192, 768)
    }),
    ('x05',
     {'group1.0': (30, 96), 'group3.0': (120, 240), 'added3.1': (96, 384)}),
    ('x025',
     {'group1.0': (15, 36), 'group3.0': (60, 120), 'added3.1': (48, 192)}),
])
def test_bottlenecks(name, expected):
    model = net(**NETS[name][0])
    for place, (middle, branch) in expected.items():
        unit = model.get_submodule(place)
        assert unit.conv1.conv.out_channels == middle
        assert unit.conv2.conv.out_channels == branch


def test_groups():
    for name, first in (('x1', 1), ('x05', 3)):
        model = net(**NETS[name][0])
        found = {
            place: (m.conv1.conv.groups, m.conv2.conv.groups)
            for place, m in model.named_modules()
            if isinstance(m, ShuffleUnit)
        }
        assert found.pop('group1.0') == (1, first)
        assert set(found.values()) == {(3, 3)}


def same_pool(x, pick):
    """3×3 of stride 2 with TensorFlow's SAME, cell by cell."""
    height, width = x.shape
    rows, columns = math.ceil(height / 2), math.ceil(width / 2)
    # All padding beyond an even number of cells goes to the end.
    top = ((rows - 1) * 2 + 3 - height) // 2
    left = ((columns - 1) * 2 + 3 - width) // 2
    return torch.tensor([[
        pick([
            x[i, j].item() for i in range(2 * r - top, 2 * r - top + 3)
            for j in range(2 * c - left, 2 * c - left + 3)
            if 0 <= i < height and 0 <= j < width
        ]) for c in range(columns)
    ] for r in range(rows)])


@pytest.mark.parametrize('size', [(6, 8), (5, 8), (7, 5)])
def test_tensorflow_padding_cell_by_cell(size):
    torch.manual_seed(0)
    x = torch.randn(1, 12, *size)
    unit = ShuffleUnit(12, 24, stride=2).eval()
    with torch.no_grad():
        out = unit(x)
        mean = same_pool(x[0, 5], lambda cells: sum(cells) / len(cells))
        torch.testing.assert_close(out[0, 5], mean)
        # The depthwise convolution as nine multiplied sums.
        middle = torch.randn(1, 6, *size)
        weight = unit.dconv.conv.weight
        found = unit.dconv.conv(middle)
        one_hot = torch.zeros_like(weight)
        one_hot[:, :, 2, 2] = 1
        unit.dconv.conv.weight.copy_(one_hot)
        corner = unit.dconv.conv(middle)
    assert found.shape[-2:] == tuple(math.ceil(n / 2) for n in size)
    # The last tap reads one cell later than the window's middle.
    top, left = (1 - n % 2 for n in size)
    expected = F.pad(middle, (0, 2, 0, 2))[:, :, 1 + top::2, 1 + left::2]
    rows, columns = found.shape[-2:]
    torch.testing.assert_close(corner, expected[:, :, :rows, :columns])


def test_the_largest_of_the_stem_is_pooled_as_in_tensorflow():
    model = net(width=.25).eval()
    seen = {}
    model.conv1.register_forward_hook(
        lambda module, inputs, out: seen.update(stem=out))
    model.group1.register_forward_pre_hook(
        lambda module, inputs: seen.update(pooled=inputs[0]))
    torch.manual_seed(0)
    with torch.no_grad():
        model(torch.randn(1, 3, 10, 12))
    torch.testing.assert_close(seen['pooled'][0, 7],
                               same_pool(seen['stem'][0, 7], max))


def test_symmetric_padding():
    model = net(width=.25, tf_same_padding=False).eval()
    unit = model.group1[0]
    x = torch.randn(1, 24, 8, 8)
    with torch.no_grad():
        pooled = unit(x)[:, :24]
    expected = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    torch.testing.assert_close(pooled, expected)
    assert unit.dconv.conv.padding == (1, 1)
    # Other cells are seen: the switch is no matter of taste.
    other = net(width=.25).eval()
    other.load_state_dict(model.state_dict())
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert model(image)[0].shape == other(image)[0].shape
        assert not torch.allclose(model(image)[0], other(image)[0])


def test_shuffle_undoes_itself_with_the_other_number():
    x = torch.randn(2, 12, 3, 4)
    assert torch.equal(shuffle(shuffle(x, 3), 4), x)
    assert torch.equal(shuffle(x, 3), F.channel_shuffle(x, 3))


def test_last_unit_has_no_shortcut_and_is_not_negative():
    model = net(width=.25)
    torch.manual_seed(0)
    (feature, ) = model(torch.randn(2, 3, 32, 32))
    assert feature.min() == 0
    assert not model.added3[1].shortcut and model.added3[0].shortcut


def test_weights_are_drawn_as_in_tensorflow():
    torch.manual_seed(0)
    model = net(width=.5)
    model.init_weights()
    for conv, inputs in ((model.conv1.conv, 27), (model.group2[1].conv1.conv,
                                                  80),
                         (model.group3[1].dconv.conv, 9 * 120)):
        std = math.sqrt(2 / inputs)
        assert conv.weight.std().item() == pytest.approx(std, rel=.08)
        assert conv.weight.abs().max() <= 2 * std / .8796


@pytest.mark.parametrize('options, message', [
    (dict(stem_channels=16), r'group1.0: its branch has 224 channels, '
     'expected a multiple of 3.*first_expand_groups=1'),
    (dict(width=.3), 'added3.1: its branch has 230'),
    (dict(width=.125), 'group1.0: a quarter of its output is 7'),
    (dict(channels=(1, 2)), 'channels=.1, 2.'),
    (dict(out_indices=(4, )), 'out_indices'),
])
def test_what_cannot_be_built_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        net(**options)


def test_a_shortcut_needs_equal_widths():
    with pytest.raises(ConfigError, match='a shortcut from 12 to 24'):
        ShuffleUnit(12, 24)


def test_a_map_of_one_cell_and_one_image_cannot_be_normalised():
    """PyTorch says so; nothing is trained on a single value."""
    with pytest.raises(ValueError, match='Expected more than 1 value'):
        net(width=.25).train()(torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_what_a_file_lacks_is_drawn_as_without_it(tmp_path, prefix):
    torch.manual_seed(1)
    source = net(width=.25).state_dict()
    given = {
        k: v for k, v in source.items()
        if not k.startswith(('added3', 'conv1'))
    }
    torch.save({prefix + k: v for k, v in given.items()},
               tmp_path / 'classifier.pth')
    plain = net(width=.25)
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'classifier.pth'))
    loaded = net(
        width=.25,
        init_cfg=dict(init, prefix=prefix.rstrip('.')) if prefix else init)
    for model in (plain, loaded):
        torch.manual_seed(0)
        model.init_weights()
    drawn = plain.state_dict()
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, given.get(name, drawn[name])), name
