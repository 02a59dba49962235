"""One batch, seen as a picture, as depth, or as both."""
import math

import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.mono3d import Mono3DDataPreprocessor
from tests.helpers.mono_batch import MEAN, STD, batch


def see(data: dict, *args, **options) -> torch.Tensor:
    found = Mono3DDataPreprocessor(*args, **options)(data)
    assert list(found['inputs']) == ['imgs']
    return found['inputs']['imgs']


@pytest.mark.parametrize('norm, value',
                         [('plain', 20 / 80), ('monoskd', 20 / 80 / 256),
                          ('monodistill', (20 / 80 - 8.765) / 11.275)])
@pytest.mark.parametrize('scale', [1., 1.5])
def test_depth(norm, value, scale):
    if norm == 'monodistill':
        value += (scale - 1) * 20 / 80 / 11.275
    else:
        value *= scale
    found = see(batch(aug_scale=scale), ('depth', ), norm)
    assert found.shape == (2, 3, 30, 60)
    torch.testing.assert_close(found, torch.full_like(found, value))


def test_depth_in_bins():
    data = batch()
    steps = 2 * 40**(torch.arange(5.) / 4)
    row = [0., 1., 2., float(steps[1]), math.sqrt(steps[1] * steps[2]), 90.]
    data['inputs']['depth'] = [torch.tensor([[row] * 4])] * 2
    found = see(data, ('depth', ), 'bins', 5)
    expected = torch.zeros(5, 6)
    expected[0, [1, 2]] = expected[1, 3] = expected[4, 5] = 1
    expected[[1, 2], 4] = 0.5
    assert found.shape == (2, 5, 4, 6)
    torch.testing.assert_close(found[1, :, 2], expected)
    # An enlarged scene seems nearer: its depths are divided.
    data['data_samples'][0].set_metainfo(dict(aug_scale=0.5))
    half = see(data, ('depth', ), 'bins', 5)[0, :, 0, 5]
    assert half.argmax() == 3 and half.sum() == 1


def test_a_picture_is_what_mmdet3d_makes_of_it():
    from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor
    options = dict(mean=MEAN, std=STD, bgr_to_rgb=True, pad_size_divisor=32)
    data = batch()
    stock = Det3DDataPreprocessor(**options)(dict(
        data, inputs=dict(img=data['inputs']['img'])))
    assert (see(batch(), ('img', ),
                **options) == stock['inputs']['imgs']).all()


def test_both_lie_behind_each_other():
    options = dict(mean=MEAN, std=STD, depth_channels=1)
    found = see(batch(), ('img', 'depth'), **options)
    assert found.shape == (2, 4, 30, 60)
    assert (found[:, :3] == see(batch(), ('img', ), **options)).all()
    assert (found[:, 3:] == see(batch(), ('depth', ), **options)).all()


def test_padding_is_said_to_the_samples():
    found = Mono3DDataPreprocessor(('depth', ), pad_size_divisor=32)(batch())
    assert found['inputs']['imgs'].shape[-2:] == (32, 64)
    assert (found['inputs']['imgs'][..., 30:, :] == 0).all()
    for sample in found['data_samples']:
        assert sample.batch_input_shape == sample.pad_shape == (32, 64)


def test_a_stacked_batch():
    data = batch()
    data['inputs'] = {k: torch.stack(v) for k, v in data['inputs'].items()}
    assert (see(data, ('depth', )) == see(batch(), ('depth', ))).all()


@pytest.mark.parametrize('args, message',
                         [((('dept', ), ), "'depth'"),
                          ((('img', 'img'), ), 'each once'),
                          (('img', ), 'expected a list'),
                          ((('depth', ), 'mono'), "'monoskd'"),
                          ((('depth', ), 'bins', 1), 'number of 2 or more'),
                          ((('depth', ), 'plain', 0), 'number of 1 or more')])
def test_options_that_cannot_be(args, message):
    with pytest.raises(ConfigError, match=message):
        Mono3DDataPreprocessor(*args)


def test_what_the_batch_lacks_is_named():
    data = batch()
    del data['inputs']['depth']
    with pytest.raises(ConfigError, match="the batch has no 'depth'"):
        see(data, ('depth', ))
