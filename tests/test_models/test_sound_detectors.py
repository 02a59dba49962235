"""Detectors of mmdet on the sound of several microphones."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.hub import get_config
from mmengine.runner import save_checkpoint
from mmengine.structures import InstanceData
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.models import SoundDetDataPreprocessor, SpectrogramBackbone
from mmxkd.models.layers import LogMel
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow

FRAME = (64, 96)
STRIDES = [4, 8, 16, 32]


@pytest.fixture(scope='module', autouse=True)
def stock():
    register_all_modules(init_default_scope=False)


def resnet(**kwargs) -> dict:
    return dict(type='mmdet.ResNet', depth=18, base_channels=8,
                norm_cfg=dict(type='BN'), **kwargs)


def batch(n: int = 2, shape=(4, 20, 33), key: str = 'spectrogram') -> dict:
    generator = torch.Generator().manual_seed(0)
    sounds = [10 * torch.randn(*shape, generator=generator) for _ in range(n)]
    samples = []
    for _ in range(n):
        sample = DetDataSample(
            metainfo=dict(img_shape=FRAME, ori_shape=FRAME, scale_factor=(1.,
                                                                          1.)))
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[10., 10, 50, 50]]), labels=torch.tensor([1]))
        samples.append(sample)
    return dict(inputs={key: sounds}, data_samples=samples)


@pytest.mark.parametrize('stretch', [True, False])
@pytest.mark.parametrize('name', ['retinanet', 'faster_rcnn', 'fcos'])
def test_any_detector_hears(name, stretch):
    """One step of training, and boxes in the camera frame."""
    cfg = narrow(name)
    cfg.backbone = dict(
        type='mmxkd.SpectrogramBackbone',
        backbone=dict(cfg.backbone), in_channels=4,
        **({} if stretch else dict(frame=FRAME, strides=STRIDES)))
    cfg.data_preprocessor = dict(type='mmxkd.SoundDetDataPreprocessor',
                                 frame=FRAME, microphones=4, stretch=stretch,
                                 mean=[-40.] * 4, std=[20.] * 4)
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    data = model.data_preprocessor(batch(), training=True)
    assert data['inputs'].shape[2:] == (FRAME if stretch else (20, 33))
    losses = model(**data, mode='loss')
    total = sum(
        sum(v) if isinstance(v, list) else v for k, v in losses.items()
        if 'loss' in k)
    total.backward()
    stem = model.backbone.backbone.conv1.weight
    assert stem.shape[1] == 4 and stem.grad.abs().sum() > 0
    levels = model.extract_feat(data['inputs'])
    # Faster R-CNN's finest level has a stride of 4, the others' of 8.
    assert levels[0].shape[2:] == ((16, 24) if name == 'faster_rcnn' else
                                   (8, 12))
    model.eval()
    with torch.no_grad():
        data = model.data_preprocessor(batch())
        (first, _) = model(**data, mode='predict')
    boxes = first.pred_instances.bboxes
    limit = torch.tensor([FRAME[1], FRAME[0]] * 2)
    assert ((boxes >= 0) & (boxes <= limit)).all()
    assert first.batch_input_shape == first.pad_shape == FRAME


@pytest.mark.parametrize('backbone, name, shape', [
    (resnet(), 'conv1', (8, 7)),
    (dict(type='mmdet.CSPNeXt', arch='P5', widen_factor=.125,
          deepen_factor=.167), 'stem.0.conv', (4, 3)),
    (dict(type='mmdet.SwinTransformer', embed_dims=12, num_heads=(1, 1, 1, 1),
          depths=(1, 1, 1, 1)), 'patch_embed.projection', (12, 4)),
    (dict(type='mmdet.EfficientNet', arch='b0',
          out_indices=(3, )), 'layers.0.conv', (32, 3)),
])
def test_the_first_convolution_is_found(backbone, name, shape):
    model = SpectrogramBackbone(backbone, in_channels=8)
    assert model.stem_name == name
    conv = model.backbone.get_submodule(name)
    out, k = shape
    assert conv.weight.shape == (out, 8, k, k)
    # The one on RGB is not a part of the model.
    assert sum(p.shape == (out, 3, k, k) for p in model.parameters()) == 0
    maps = model.eval()(torch.zeros(1, 8, 64, 64))
    assert maps[-1].isfinite().all()


@pytest.mark.parametrize('stem', ['fresh', 'average', 'inflate'])
def test_pretrained_weights_of_rgb(tmp_path, stem):
    torch.manual_seed(0)
    source = MODELS.build(resnet())
    path = tmp_path / 'rgb.pth'
    save_checkpoint(dict(state_dict=source.state_dict()), str(path))
    pretrained = resnet(init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    model = SpectrogramBackbone(pretrained, in_channels=5, stem=stem)
    model.init_weights()
    rgb, ours = source.conv1.weight, model.backbone.conv1.weight
    mean = rgb.mean(1)
    torch.testing.assert_close(model.backbone.layer1[0].conv1.weight,
                               source.layer1[0].conv1.weight)
    if stem == 'fresh':
        assert not torch.isclose(ours[:, 0], mean).any()
        # Kaiming with a = sqrt(5): even within 1 / sqrt(fan in).
        assert ours.abs().max() <= (5 * 49)**-.5
    else:
        torch.testing.assert_close(ours[:, 4], mean * .6)
        first = rgb[:, 0] if stem == 'inflate' else mean
        torch.testing.assert_close(ours[:, 0], first * .6)
        # The same grey picture in all channels gives the same map.
        grey = torch.rand(1, 1, 16, 16)
        if stem == 'average':
            torch.testing.assert_close(
                model.backbone.conv1(grey.expand(-1, 5, -1, -1)),
                source.conv1(grey.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5)


def test_native_size_gives_maps_of_the_frame():
    model = SpectrogramBackbone(resnet(), in_channels=2, frame=(65, 97),
                                strides=STRIDES)
    sizes = [tuple(m.shape[2:]) for m in model(torch.zeros(1, 2, 80, 173))]
    assert sizes == [(17, 25), (9, 13), (5, 7), (3, 4)]


@pytest.mark.parametrize('options, message', [
    (dict(stem='inflated'), "did you mean 'inflate'"),
    (dict(frame=FRAME), 'strides=None go together'),
    (dict(stem='inflate', in_channels=2), 'expected 3 or more'),
    (dict(stem_name='conv'), "stem_name='conv'.*did you mean 'conv1'"),
    (dict(backbone=resnet(in_channels=1)), 'no convolution on 3 channels'),
    (dict(in_channels=0), 'in_channels=0, expected a whole number of 1'),
    (dict(frame=768, strides=[4, 8, 16, 32]), 'frame=768, expected height'),
])
def test_backbones_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        SpectrogramBackbone(**dict(dict(backbone=resnet()), **options))


@pytest.mark.parametrize('stem', ['fresh', 'average', 'inflate'])
def test_a_frozen_stem_is_refused(stem):
    """mmdet's own Faster R-CNN freezes it, and the first stage."""
    stock = get_config('mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py')
    backbone = dict(stock.model.backbone, init_cfg=None)
    assert backbone['frozen_stages'] == 1 and backbone['norm_eval']
    backbone['type'] = 'mmdet.ResNet'
    with pytest.raises(
            ConfigError, match=r'conv1 is frozen \(frozen_stages=1\).*'
            'frozen_stages=-1 in backbone, and norm_eval=False'):
        SpectrogramBackbone(backbone, stem=stem)
    free = dict(backbone, frozen_stages=-1, norm_eval=False, base_channels=8)
    assert SpectrogramBackbone(free)._conv.weight.requires_grad


def test_phases_that_the_backbone_does_not_expect():
    model = SpectrogramBackbone(resnet(), 8)
    with pytest.raises(
            ConfigError, match='in_channels=8, but a spectrogram '
            r'has 24 maps.*log_mel=dict\(phase=True\)'):
        model(torch.zeros(1, 24, 64, 64))


def test_strides_must_be_of_the_maps():
    model = SpectrogramBackbone(resnet(), 2, frame=FRAME, strides=[4, 8])
    with pytest.raises(ConfigError, match='of 2 maps, the backbone gives 4'):
        model(torch.zeros(1, 2, 64, 64))


@pytest.mark.parametrize('phase', [False, True])
def test_raw_sound_becomes_what_transforms_make(phase):
    """On the device of the model; stretched as published."""
    options = dict(n_fft=256, hop=64, n_mels=16, phase=phase)
    raw = batch(shape=(4, 2000), key='audio')
    maps = torch.stack([LogMel(**options)(x) for x in raw['inputs']['audio']])
    expected = nn.functional.interpolate(maps, FRAME, mode='bicubic')
    channels = 12 if phase else 4
    ours = SoundDetDataPreprocessor(FRAME, 'audio', 4, options,
                                    mean=[-40.] * channels,
                                    std=[20.] * channels)
    torch.testing.assert_close(
        ours(raw)['inputs'], (expected + 40) / 20, rtol=1e-5, atol=1e-5)
    plain = SoundDetDataPreprocessor(FRAME, 'spectrogram', 4, options)
    made = dict(raw, inputs=dict(spectrogram=maps))
    torch.testing.assert_close(plain(made)['inputs'], expected)
    assert not ours.state_dict()


def test_spectrograms_of_unequal_length():
    """Published ones of a second have 173 windows, or 175."""
    generator = torch.Generator().manual_seed(1)
    maps = [
        10 * torch.randn(4, 20, n, generator=generator) for n in (173, 175)
    ]
    data = dict(batch(), inputs=dict(spectrogram=maps))
    levels = dict(mean=[-40.] * 4, std=[20.] * 4)
    found = SoundDetDataPreprocessor(FRAME, microphones=4, **levels)(data)
    expected = torch.cat([
        nn.functional.interpolate((m[None] + 40) / 20, FRAME, mode='bicubic')
        for m in maps
    ])
    torch.testing.assert_close(found['inputs'], expected)
    native = SoundDetDataPreprocessor(FRAME, microphones=4, stretch=False)
    with pytest.raises(
            ConfigError, match=r'differ: \[\(4, 20, 173\), \(4, 20, 175\)\]'
            '; convert the sound files.*, or set stretch=True'):
        native(data)
    raw = SoundDetDataPreprocessor(FRAME, 'audio', 4, stretch=False)
    sounds = [torch.zeros(4, 2000), torch.zeros(4, 3000)]
    with pytest.raises(ConfigError,
                       match='differ.*a duration, or set stretch'):
        raw(dict(batch(), inputs=dict(audio=sounds)))


def test_batches_and_options_that_cannot_be():
    ours = SoundDetDataPreprocessor(FRAME, microphones=4)
    with pytest.raises(ConfigError, match='expected 4 channels, found 3'):
        ours(batch(shape=(3, 20, 33)))
    with pytest.raises(ConfigError, match="the batch has no 'spectrogram'"):
        ours(batch(key='audio'))
    raw = SoundDetDataPreprocessor(FRAME, 'audio', 4)
    with pytest.raises(ConfigError, match=r'expected \(…, 4, T\)'):
        raw(batch(shape=(3, 2000), key='audio'))
    large = batch()
    large['data_samples'][0].set_metainfo(dict(img_shape=(65, 96)))
    with pytest.raises(ConfigError, match=r'img_shape of .* \(65, 96\)'):
        ours(large)
    for frame in (768, (768, ), (0, 768)):
        with pytest.raises(ConfigError, match='frame=.*height and width'):
            SoundDetDataPreprocessor(frame)
    for options in (dict(pad_size_divisor=64),
                    dict(pad_size_divisor=32, stretch=False)):
        with pytest.raises(ConfigError, match='would pad'):
            SoundDetDataPreprocessor(FRAME, **options)
    with pytest.raises(ConfigError, match='batch_augments'):
        SoundDetDataPreprocessor(
            FRAME, batch_augments=[
                dict(type='mmdet.BatchSyncRandomResize',
                     random_size_range=(64, 64))
            ])


def test_statistics_stay_finite_in_silence():
    """A recording of nothing is 0 dB throughout, as published."""
    ours = SoundDetDataPreprocessor(FRAME, 'audio', 2)
    data = dict(inputs=dict(audio=[torch.zeros(2, 4000)]), data_samples=None)
    np.testing.assert_allclose(ours(data)['inputs'], 0, atol=1e-4)
