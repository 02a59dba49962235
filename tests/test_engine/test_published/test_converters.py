"""Published SSDs, by the lists of their tensors: all is used or listed."""
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmxkd.engine.published import (
    convert_mb2_ssd_lite,
    convert_ssd300,
    fold_input,
)
from mmxkd.engine.published.renaming import background_last, state_of
from mmxkd.engine.published.ssd300 import PUBLISHED_MEAN
from mmxkd.errors import CheckpointError
from mmxkd.registry import MODELS
from tests.helpers.ssd_net_golden import mb2_state, vgg_state


@pytest.fixture(scope='module')
def published(shared_data):
    """Name → shape of each published file."""
    with np.load(shared_data / 'ssd_golden/published_keys.npz') as file:
        return {
            name: {
                str(key): json.loads(str(shape)) for key, shape in zip(
                    file[f'{name}_names'], file[f'{name}_shapes'], strict=True)
            } for name in ('ssd300', 'mb2_ssd_lite')
        }


@pytest.fixture(scope='module')
def models(repo):
    init_default_scope('mmdet')
    config = Config.fromfile(repo / 'configs/_base_/models/ssd3000.py')
    return {
        name: MODELS.build(config[name])
        for name in ('vgg16_ssd', 'mb2_ssdlite')
    }


def values(shapes) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.rand(shape, generator=generator) + .5
        for name, shape in shapes.items()
    }


class TestSSD300:

    def test_published_keys_of_ssd_golden(self, published, models):
        state = values(published['ssd300'])
        assert len(state) == 71
        assert sum(v.numel() for v in state.values()) == 26_285_486
        own = models['vgg16_ssd'].state_dict()
        done = convert_ssd300(state, own)
        assert len(done.names) == 46
        assert len([n for n in done.names if n.startswith('vgg.')]) == 30
        assert set(done.dropped) == {'L2Norm.weight'} | {
            f'{part}.{level}.{kind}' for part in ('loc', 'conf')
            for level in range(6) for kind in ('weight', 'bias')
        }
        assert set(done.fresh) == {
            name for name in own
            if name.startswith(('bbox_head.', 'neck.extra_layers.4.'))
        }
        assert set(done.state) | set(done.fresh) == set(own)
        for old, new in done.names.items():
            assert torch.equal(done.state[new], state[old])
        assert done.names['extras.3.bias'] == (
            'neck.extra_layers.1.1.conv.bias')
        assert 'dropped: 25 (' in done.summary()
        assert 'used: 46 tensors' in done.summary()

    def test_a_trained_teacher(self, models, shared_data):
        """With the wrapper of several GPUs, and an adaptation."""
        own = models['vgg16_ssd'].state_dict()
        with np.load(shared_data / 'ssd_golden/ssd_net.npz') as file:
            state = vgg_state(file['vgg_conv_names'], own)
        state['adaptation.weight'] = torch.zeros(192, 512, 1, 1)
        state['adaptation.bias'] = torch.zeros(192)
        wrapped = {f'module.{name}': v for name, v in state.items()}
        assert len(wrapped) == 76
        done = convert_ssd300(state_of(wrapped, 'x.pth'), own)
        assert done.dropped == ('adaptation.weight', 'adaptation.bias')
        assert set(done.state) == set(own) and not done.fresh

    def test_refused(self, published, models):
        own = models['vgg16_ssd'].state_dict()
        state = values(published['ssd300'])
        with pytest.raises(
                CheckpointError,
                match=r'a.pth: vgg.40.weight \[3\] .*left over|'
                'a.pth: vgg.40.weight would be'):
            convert_ssd300(dict(state, **{'vgg.40.weight': torch.ones(3)}),
                           own, 'a.pth')
        with pytest.raises(CheckpointError,
                           match=r'neck.weight \[3\] is left over'):
            convert_ssd300(dict(state, **{'neck.weight': torch.ones(3)}), own)
        lacking = dict(state)
        del lacking['vgg.5.bias']
        with pytest.raises(
                CheckpointError,
                match='nothing in it becomes backbone.features.5.b'):
            convert_ssd300(lacking, own)
        with pytest.raises(
                CheckpointError,
                match=r'vgg.0.weight has the shape \[2\], but '
                r'.*\[64, 3, 3, 3\]'):
            convert_ssd300(dict(state, **{'vgg.0.weight': torch.ones(2)}), own)

    def test_fold_input(self):
        """The same first layer, on other inputs; the border aside."""
        torch.manual_seed(0)
        conv, folded = (nn.Conv2d(3, 8, 3, padding=1) for _ in range(2))
        picture = torch.rand(1, 3, 12, 12) * 255
        mean, std = [127., 120., 110.], [128., 60., 70.]
        weight, bias = fold_input(conv.weight.data, conv.bias.data, mean, std)
        folded.load_state_dict(dict(weight=weight, bias=bias))
        published = picture - torch.tensor(PUBLISHED_MEAN)[:, None, None]
        own = ((picture.flip(1) - torch.tensor(mean)[:, None, None])
               / torch.tensor(std)[:, None, None])
        with torch.no_grad():
            expected, found = conv(published), folded(own)
        torch.testing.assert_close(found[..., 1:-1, 1:-1],
                                   expected[..., 1:-1, 1:-1], rtol=1e-5,
                                   atol=1e-4)


class TestMobileNetV2SSDLite:

    @pytest.mark.parametrize('counters', [True, False])
    def test_published_keys_of_ssd_golden(self, published, models, counters):
        state = {
            name: value
            for name, value in values(published['mb2_ssd_lite']).items()
            if counters or not name.endswith('num_batches_tracked')
        }
        assert len(state) == (478 if counters else 404)
        own = models['mb2_ssdlite'].state_dict()
        done = convert_mb2_ssd_lite(state, own)
        assert set(done.state) == set(own)
        assert not done.dropped and not done.fresh
        assert len(done.names) == len(state) == len(set(done.names.values()))
        heads = ('classification_headers', )
        for old, new in done.names.items():
            if not old.startswith(heads) or '.0.' in old[24:] or ('.1.'
                                                                  in old[24:]):
                assert torch.equal(done.state[new], state[old]), old

    def test_each_class_keeps_its_place(self, models, shared_data):
        """A head whose bias says which class it is."""
        own = models['mb2_ssdlite'].state_dict()
        with np.load(shared_data / 'ssd_golden/ssd_net.npz') as file:
            state = mb2_state(file['mb2_conv_names'], own)
        for name in state:
            if name.startswith('classification') and (name.endswith('.3.bias')
                                                      or '.5.bias' in name):
                state[name] = torch.arange(21.).repeat(6)
        done = convert_mb2_ssd_lite(state, own)
        for level in range(6):
            last = 0 if level == 5 else 1
            bias = done.state[f'bbox_head.cls_convs.{level}.{last}.bias']
            assert bias.reshape(6, 21)[3].tolist() == [*range(1, 21), 0]

    def test_the_adaptation_is_dropped(self, published, models):
        state = values(published['mb2_ssd_lite'])
        state['adaptation.weight'] = torch.ones(512, 192, 1, 1)
        done = convert_mb2_ssd_lite(state, models['mb2_ssdlite'].state_dict())
        assert done.dropped == ('adaptation.weight', )

    def test_another_class_count(self, published, models, repo):
        init_default_scope('mmdet')
        config = Config.fromfile(repo / 'configs/_base_/models/ssd3000.py')
        config.mb2_ssdlite.bbox_head.num_classes = 3
        own = MODELS.build(config.mb2_ssdlite).state_dict()
        with pytest.raises(CheckpointError, match='another number of classes'):
            convert_mb2_ssd_lite(values(published['mb2_ssd_lite']), own)

    @pytest.mark.parametrize('name', [
        'base_net.19.conv.0.weight', 'base_net.0.conv.0.weight',
        'extras.0.weight', 'classification_headers.0.weight.x'
    ])
    def test_left_over(self, published, models, name):
        state = values(published['mb2_ssd_lite'])
        state[name] = torch.ones(1)
        with pytest.raises(CheckpointError, match=f'{name} .*is left over'):
            convert_mb2_ssd_lite(state, models['mb2_ssdlite'].state_dict())


def test_wrapper_is_cut_off_at_the_start_only():
    state = {'module.a.module.b': torch.ones(1)}
    assert list(state_of(state, 'x')) == ['a.module.b']
    assert list(state_of(dict(state_dict=state, epoch=3),
                         'x')) == ['a.module.b']
    with pytest.raises(CheckpointError, match='holds a.b twice'):
        state_of({'module.a.b': torch.ones(1), 'a.b': torch.ones(1)}, 'x')
    with pytest.raises(CheckpointError, match='epoch: expected a tensor'):
        state_of(dict(epoch=3), 'x')
    with pytest.raises(CheckpointError, match='expected a dict of tensors'):
        state_of([1], 'x')


def test_background_moves_within_each_prior():
    weight = torch.arange(12.).reshape(6, 2)
    assert background_last(weight, 2)[:, 0].tolist() == [2, 4, 0, 8, 10, 6]
    with pytest.raises(ValueError, match='6 channels are not those of 3'):
        background_last(weight, 3)
