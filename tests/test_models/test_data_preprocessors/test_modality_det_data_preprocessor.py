import numpy as np
import pytest
import torch
from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.modalities import Modality
from mmxkd.models.data_preprocessors import ModalityDetDataPreprocessor
from mmxkd.registry import MODELS
from tests.helpers.modalities import more_modalities

MEAN = [123.675, 116.28, 103.53, 103.53, 103.53, 103.53]
STD = [58.395, 57.12, 57.375, 57.375, 57.375, 57.375]
RGB = dict(mean=MEAN[:3], std=STD[:3], bgr_to_rgb=True, pad_size_divisor=32)


def make_batch(*sizes, gated_dtype=np.uint8):
    rng = np.random.default_rng(0)
    top = 1024 if gated_dtype == np.uint16 else 256

    def image(size, high, dtype):
        return torch.from_numpy(rng.integers(0, high, (3, *size), dtype=dtype))

    samples = [DetDataSample(metainfo=dict(img_shape=size)) for size in sizes]
    return dict(
        inputs=dict(img=[image(size, 256, np.uint8) for size in sizes],
                    gated=[image(size, top, gated_dtype) for size in sizes]),
        data_samples=samples)


def test_golden_constant_half():
    """A constant 0.5 image at 500x833, as the network of the CMKD code sees
    it."""
    view = ModalityDetDataPreprocessor(('img', 'gated'), MEAN, STD,
                                       bgr_to_rgb=True, pad_size_divisor=32)
    half = torch.full((3, 500, 833), 127.5)
    out = view(dict(inputs=dict(img=[half], gated=[half])))['inputs']
    assert out.shape == (1, 6, 512, 864)
    golden = torch.tensor([0.0655021, 0.1964286] + [0.4177778] * 4)
    torch.testing.assert_close(out[0, :, :500, :833],
                               golden.view(6, 1, 1).expand(6, 500, 833),
                               atol=1e-6, rtol=0)
    # Padding is 0 after normalisation.
    assert (out[..., 500:, :] == 0).all() and (out[..., 833:] == 0).all()


def test_stack_against_a_slow_version():
    batch = make_batch((20, 30), (17, 40), gated_dtype=np.uint16)
    view = MODELS.build(
        dict(type='mmxkd.ModalityDetDataPreprocessor',
             modalities=('gated', 'img'), mean=[10, 20, 30, 40, 50, 60],
             std=[1, 2, 3, 4, 5, 6], max_value=dict(gated=1023),
             bgr_to_rgb=True, pad_size_divisor=32))
    out = view(batch)
    assert out['inputs'].shape == (2, 6, 32, 64)
    assert out['inputs'].dtype == torch.float32
    for n in range(2):
        img = batch['inputs']['img'][n].numpy().astype(float)
        gated = batch['inputs']['gated'][n].numpy().astype(float)
        expected = np.concatenate([gated * 255 / 1023, img[::-1]])
        for c in range(6):
            expected[c] = (expected[c] - 10 * (c + 1)) / (c + 1)
        height, width = img.shape[1:]
        np.testing.assert_allclose(out['inputs'][n, :, :height, :width],
                                   expected, rtol=1e-5, atol=1e-4)


def test_img_alone_is_what_mmdet_does():
    ours = ModalityDetDataPreprocessor(('img', ), **RGB)
    stock = DetDataPreprocessor(**RGB)
    batch = make_batch((20, 30), (17, 40))
    images = batch['inputs']['img']
    expected = stock(dict(inputs=images, data_samples=None))['inputs']
    for inputs in (images, dict(img=images), batch['inputs']):
        out = ours(dict(inputs=inputs, data_samples=batch['data_samples']))
        assert torch.equal(out['inputs'], expected)


def test_collated_tensors():
    view = ModalityDetDataPreprocessor(mean=MEAN, std=STD)
    batch = make_batch((32, 32), (32, 32))
    listed = view(batch)['inputs']
    stacked = {k: torch.stack(v) for k, v in batch['inputs'].items()}
    assert torch.equal(view(dict(inputs=stacked))['inputs'], listed)


def test_metainfo_and_masks_are_padded_as_in_mmdet():

    def run(cls, inputs, **kwargs):
        batch = make_batch((20, 30), (17, 40))
        for sample, size in zip(batch['data_samples'], [(20, 30), (17, 40)],
                                strict=True):
            sample.gt_instances = InstanceData(
                masks=BitmapMasks(np.ones((1, *size), np.uint8), *size))
        data = dict(inputs=inputs(batch['inputs']),
                    data_samples=batch['data_samples'])
        return cls(pad_size_divisor=32, pad_mask=True,
                   **kwargs)(data, training=True)['data_samples']

    ours = run(ModalityDetDataPreprocessor, lambda i: i)
    stock = run(DetDataPreprocessor, lambda i: i['img'])
    for a, b in zip(ours, stock, strict=True):
        assert a.metainfo == b.metainfo
        assert a.batch_input_shape == (32, 64)
        np.testing.assert_array_equal(a.gt_instances.masks.masks,
                                      b.gt_instances.masks.masks)
    assert ours[0].pad_shape == (32, 32)


def test_batch_augmentations_run_on_the_stack():
    augment = dict(type='mmdet.BatchFixedSizePad', size=(64, 96))
    view = ModalityDetDataPreprocessor(batch_augments=[augment])
    batch = make_batch((20, 30))
    assert view(batch, training=True)['inputs'].shape == (1, 6, 64, 96)
    assert view(batch, training=False)['inputs'].shape == (1, 6, 20, 30)


def test_batch_goes_to_the_device():
    view = ModalityDetDataPreprocessor(mean=MEAN, std=STD).to('meta')
    out = view(make_batch((20, 30)))
    assert out['inputs'].device.type == 'meta'


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(mean=MEAN[:3],
              std=STD[:3]), '6 channels in all, but mean has 3'),
        (dict(mean=MEAN), 'std 0'),
        (dict(modalities=('img', 'gatd')), "has 'gatd'.*did you mean 'gated'"),
        (dict(max_value=dict(gate=1023)),
         "'gate' is not in modalities.*'gated'"),
        (dict(modalities=('img', ),
              channels=dict(gated=2)), 'not in modalities'),
        # How many microphones there are, only the config knows.
        (dict(modalities=('spectrogram', )),
         r"how many channels has 'spectrogram'\? Say channels=dict"),
    ])
def test_config_that_does_not_fit_is_refused(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        ModalityDetDataPreprocessor(**kwargs)


def test_wrong_channel_count_is_named():
    batch = make_batch((20, 30))
    batch['inputs']['gated'] = [x[:2] for x in batch['inputs']['gated']]
    with pytest.raises(ConfigError,
                       match="'gated': expected 3 channels, found 2"):
        ModalityDetDataPreprocessor(mean=MEAN, std=STD)(batch)
    view = ModalityDetDataPreprocessor(mean=MEAN[:5], std=STD[:5],
                                       channels=dict(gated=2))
    assert view(batch)['inputs'].shape == (1, 5, 20, 30)


def test_missing_modality_is_named():
    batch = make_batch((20, 30))
    with pytest.raises(ConfigError, match="the batch has no 'gated'"):
        ModalityDetDataPreprocessor()(dict(inputs=batch['inputs']['img']))


def test_registered_modalities_are_seen():
    """The second camera is in colour too, and so its colours are swapped."""
    rng = np.random.default_rng(0)
    inputs = {
        key: [torch.from_numpy(rng.random((n, 4, 6)))]
        for key, n in dict(img=3, img_right=3, bands=5).items()
    }
    with more_modalities(Modality('img_right', 3, 'dense', drawn='bgr'),
                         Modality('bands', 5, 'dense')):
        view = ModalityDetDataPreprocessor(tuple(inputs), bgr_to_rgb=True)
        seen = view(dict(inputs=inputs))['inputs'][0]
    expected = torch.cat([
        inputs['img'][0].flip(0), inputs['img_right'][0].flip(0),
        inputs['bands'][0]
    ])
    torch.testing.assert_close(seen, expected.float())


def test_channels_that_a_config_gives():
    """What nobody registered, and sounds, whose rigs differ."""
    inputs = dict(spectrogram=[torch.rand(8, 4, 6)],
                  bands=[torch.rand(3, 4, 6)])
    view = ModalityDetDataPreprocessor(('spectrogram', 'bands'),
                                       bgr_to_rgb=True,
                                       channels=dict(spectrogram=8, bands=3))
    seen = view(dict(inputs=inputs))['inputs'][0]
    assert torch.equal(
        seen, torch.cat([inputs['spectrogram'][0], inputs['bands'][0]]))


NAN, INF = float('nan'), float('inf')
SIX = [1.] * 5


@pytest.mark.parametrize('config, message', [
    (dict(modalities=()), r'modalities=\(\), expected names'),
    (dict(modalities='img'), "modalities='img', expected names"),
    (dict(modalities=('img', 'gated', 'img')), "names 'img' more than once"),
    *((dict(mean=SIX + [1.], std=SIX + [value]), r'std\[5\]=.*above 0')
      for value in (0, -1., NAN, INF, None, '1', True)),
    *((dict(mean=SIX + [value], std=SIX + [1.]), r'mean\[5\]=.*is finite')
      for value in (NAN, INF, None, '1')),
    *((dict(max_value=dict(gated=value)), r"max_value\['gated'\]=.*above 0")
      for value in (0, -1023, NAN, INF, None, '1023')),
    *((dict(channels=dict(gated=value)), r"channels\['gated'\]=.*whole")
      for value in (0, -3, 1.5, True, '3')),
])
def test_numbers_that_would_spoil_every_input(config, message):
    with pytest.raises(ConfigError, match=message):
        ModalityDetDataPreprocessor(**config)


def test_a_mean_may_be_zero_or_negative():
    view = ModalityDetDataPreprocessor(('img', ), [0, -1, 2], [1, 2, .5])
    out = view(dict(inputs=dict(img=[torch.zeros(3, 4, 4)])))['inputs']
    torch.testing.assert_close(out[0, :, 0, 0], torch.tensor([0, .5, -4]))
