"""Whether a data set shows a frame twice in the same way."""
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from mmxkd.engine.pipeline_probe import directions, same_random_numbers
from mmxkd.errors import ConfigError
from tests.helpers.toys import sample

TEACHER = SimpleNamespace(
    name='t', inputs=None,
    model=SimpleNamespace(data_preprocessor=SimpleNamespace()))


class Flip:
    """Of one half, in one direction that is drawn."""

    def __call__(self, results):
        results = dict(results, flip=random.random() < 0.5,
                       flip_direction=None)
        if results['flip']:
            vertical = random.random() < 0.5
            results['flip_direction'] = ('vertical' if vertical else
                                         'horizontal')
            results['img'] = np.flip(results['img'], 0 if vertical else 1)
        return results


class Noise:
    """Of the image alone, or of something else."""

    def __init__(self, key='img'):
        self.key = key

    def __call__(self, results):
        noise = np.random.default_rng(np.random.randint(
            10**6)).normal(size=(4, 6))
        return dict(results, **{self.key: noise + results[self.key]})


class Pack:

    def __call__(self, results):
        data = sample(height=4, width=6)
        data.set_metainfo({
            key: results[key] for key in ('flip', 'flip_direction')
            if key in results
        })
        return dict(inputs=torch.tensor(results['img'].copy()),
                    data_samples=data)


class Frames:
    """Frames of two modalities behind a pipeline."""

    def __init__(self, *transforms):
        self.pipeline = Compose([])
        self.pipeline.transforms = [*transforms, Pack()]

    def get_data_info(self, index):
        frame = np.arange(24.).reshape(4, 6)
        return dict(img=frame, gated=frame)

    def __getitem__(self, index):
        return self.pipeline(self.get_data_info(index))


def see(batch):
    return dict(batch, inputs=torch.stack(batch['inputs']))


@pytest.mark.parametrize('transforms, ways', [
    ((), 1),
    ((Flip(), ), 3),
    ((Noise('gated'), ), 1),
])
def test_ways_to_see_a_frame(transforms, ways):
    random.seed(0)
    np.random.seed(0)
    assert directions(Frames(*transforms), TEACHER, see) == ways


@pytest.mark.parametrize('transforms', [
    (Noise(), ),
    (Noise('gated'), Flip(), Noise()),
])
def test_what_draws_is_named(transforms):
    with pytest.raises(
            ConfigError, match='has other values than when.*The '
            'first transform that draws is Noise'):
        directions(Frames(*transforms), TEACHER, see)


def test_a_dataset_that_does_not_show_its_transforms():
    frames = Frames(Noise())
    hidden = [frames[0] for _ in range(9)]

    class Hidden:

        def __getitem__(self, index):
            return hidden.pop()

    with pytest.raises(ConfigError) as error:
        directions(Hidden(), TEACHER, see)
    assert 'first transform' not in str(error.value)


def test_random_numbers_stay_as_they_were():

    def draw():
        return random.random(), np.random.rand(), float(torch.rand(1))

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    with same_random_numbers():
        draw()
    after = draw()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    assert after == draw()
