"""Who moves a modality apart is named, whatever it looks like afterwards."""
import copy
import random

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmcv.transforms import Compose as Nested
from mmdet.datasets import transforms as stock_transforms
from mmengine.dataset import Compose

from mmxkd.datasets.transforms import (
    Mosaic,
    MovesTogether,
    PackMultiModalInputs,
    RandomFlip,
    Resize,
    alignment,
    keeps_pixels_in_place,
)
from mmxkd.errors import ConfigError
from mmxkd.modalities import Modality
from tests.helpers.modalities import more_modalities
from tests.helpers.places import H, W, place_sample

PACK = PackMultiModalInputs(('img', 'gated'))


class Turn(BaseTransform):
    """Turns img upside down, in another array."""

    def transform(self, results):
        return dict(results, img=results['img'][::-1])


class OldStyle:
    """A class as mmdet 2 had them, which mmcv does not call."""

    def __call__(self, results):
        return dict(results, img=results['img'][::-1])


def turn(results):
    return dict(results, img=results['img'][::-1])


class TurnInPlace(BaseTransform):
    """Turns a modality upside down, in its own array."""

    def __init__(self, key='img'):
        self.key = key

    def transform(self, results):
        results[self.key][...] = results[self.key][::-1].copy()
        return results


class TurnBoxes(BaseTransform):
    """Changes nothing but annotations."""

    def transform(self, results):
        results['gt_bboxes'].flip_((H, W), 'vertical')
        return results


def run(*steps, sample=None):
    return Compose(list(steps))(sample or place_sample())


@pytest.mark.parametrize('steps, named', [
    ([stock_transforms.RandomShift(prob=0.)],
     r"'gated' may not fit img and the boxes; mmdet.RandomShift moves img and "
     r'the boxes alone; write mmxkd.RandomShift in its place'),
    ([stock_transforms.Expand(prob=1.),
      Resize(scale=(W, H))
      ], 'mmdet.Expand moves img and the boxes alone; write mmxkd.Expand'),
    ([stock_transforms.RandomFlip(1.),
      RandomFlip(0.)], 'write mmxkd.RandomFlip in its place'),
    ([Turn()], r"\.Turn changed 'img' and is not known to keep"),
    ([TurnInPlace()], r"\.TurnInPlace changed 'img'"),
    ([TurnInPlace('gated')], r"\.TurnInPlace changed 'gated'"),
    ([Turn(), Resize(scale=(W, H)),
      RandomFlip(1.)], r"\.Turn changed"),
    ([RandomFlip(0.), turn, RandomFlip(0.)], r"\.turn changed 'img'"),
    ([RandomFlip(0.), OldStyle()], r"\.OldStyle changed 'img'"),
    ([Nested([OldStyle(), RandomFlip(0.)])], r"\.OldStyle changed 'img'"),
])
def test_who_moved_img_alone_is_named(steps, named):
    with pytest.raises(ConfigError, match=named):
        run(*steps, PACK)


@pytest.mark.parametrize('steps', [
    [],
    [TurnBoxes()],
    [RandomFlip(1.), lambda sample: dict(sample, more=1),
     RandomFlip(1.)],
    [stock_transforms.PhotoMetricDistortion(),
     Resize(scale=(50, 40))],
])
def test_what_keeps_them_together_is_packed(steps):
    inputs = run(*steps, PACK)['inputs']
    assert inputs['img'].shape == inputs['gated'].shape


@pytest.mark.parametrize(
    'step',
    [stock_transforms.RandomShift(prob=1.),
     Turn(), TurnInPlace()])
def test_a_model_that_sees_img_alone_is_not_concerned(step):
    run(step, PackMultiModalInputs(('img', )))


def test_without_img_the_boxes_are_what_fits_no_more():
    with pytest.raises(ConfigError, match='write mmxkd.RandomShift'):
        run(stock_transforms.RandomShift(prob=1.),
            PackMultiModalInputs(('gated', )))


def test_one_that_changed_alone_does_not_concern_the_others():
    run(TurnInPlace('depth'), PACK)
    with pytest.raises(ConfigError, match="changed 'depth'"):
        run(TurnInPlace('depth'), PackMultiModalInputs(('gated', 'depth')))


class AddNoise(BaseTransform):
    """Moves no pixel."""

    def transform(self, results):
        return dict(results, img=results['img'] + np.uint8(1))


def test_a_transform_can_be_declared(monkeypatch):
    monkeypatch.setattr(alignment, '_stays', set(alignment._stays))
    with pytest.raises(ConfigError, match="AddNoise changed 'img'"):
        run(AddNoise(), PACK)
    assert keeps_pixels_in_place(AddNoise) is AddNoise
    run(AddNoise(), PACK)
    # A subclass may do more.
    with pytest.raises(ConfigError, match="More changed 'img'"):
        run(type('More', (AddNoise, ), {})(), PACK)


class TurnAll(MovesTogether, BaseTransform):
    """Moves all modalities."""

    def transform(self, results):
        for key in ('img', 'gated', 'thermal', 'depth'):
            results[key] = results[key][::-1]
        return results


def test_a_transform_that_moves_all_says_so():
    inputs = run(TurnAll(), PACK)['inputs']
    assert (inputs['gated'].numpy()[1, 0] == 4 * 3 * (H - 1)).all()


@pytest.mark.parametrize('mover', [RandomFlip(1.), Turn()])
def test_what_is_loaded_after_img_was_moved_is_refused(mover):

    class Load(BaseTransform):

        def transform(self, results):
            return dict(results, thermal=place_sample()['thermal'])

    def without():
        sample = place_sample()
        del sample['thermal']
        return sample

    named = type(mover).__name__
    with pytest.raises(ConfigError, match=named):
        run(mover, Load(), PackMultiModalInputs(('img', 'thermal')),
            sample=without())
    run(Load(), RandomFlip(1.), PackMultiModalInputs(('img', 'thermal')),
        sample=without())


def test_what_nobody_registered_may_not_be_packed_after_a_move():
    pack = PackMultiModalInputs(('img', 'bands'))
    sample = dict(place_sample(), bands=np.zeros((H, W, 5), np.float32))
    run(RandomFlip(0.), pack, sample=dict(sample))
    with pytest.raises(
            ConfigError, match='TurnAll '
            'moves what mmxkd.modalities.register_modality knows'):
        run(TurnAll(), pack, sample=dict(sample))
    with more_modalities(Modality('bands', 5, 'dense')):
        run(RandomFlip(1.), pack, sample=dict(sample))


@pytest.mark.parametrize('step, refused', [
    (stock_transforms.RandomFlip(0.), True),
    (Turn(), True),
    (stock_transforms.RandomShift(), False),
    (stock_transforms.PhotoMetricDistortion(), False),
    (RandomFlip(1., microphone_permutation=[1, 0]), False),
    (RandomFlip(1., 'vertical'), False),
])
def test_sounds_may_not_be_left_behind_by_a_mirror(step, refused):
    sample = dict(place_sample(), audio=np.zeros((2, 9), np.float32))
    pack = PackMultiModalInputs(('img', 'audio'))
    if refused:
        with pytest.raises(ConfigError, match="'audio'"):
            run(step, pack, sample=sample)
    else:
        run(step, pack, sample=sample)


def test_a_mosaic_inherits_what_came_apart():
    random.seed(0), np.random.seed(0)
    parts = [place_sample() for _ in range(3)]
    parts[1] = stock_transforms.RandomShift(prob=0.)(parts[1])
    with pytest.raises(ConfigError, match='write mmxkd.RandomShift'):
        run(Mosaic(img_scale=(48, 32)), PACK,
            sample=dict(place_sample(), mix_results=parts))


def test_a_copy_remembers():
    """As MultiImageMixDataset makes them."""
    sample = copy.deepcopy(RandomFlip(0.)(place_sample()))
    run(PACK, sample=sample)
    sample = copy.deepcopy(stock_transforms.RandomShift()(place_sample()))
    with pytest.raises(ConfigError, match='write mmxkd.RandomShift'):
        run(PACK, sample=sample)


def test_branches_of_one_sample_do_not_disturb_each_other():
    sample = RandomFlip(0.)(place_sample())
    with pytest.raises(ConfigError):
        run(Turn(), PACK, sample=sample.copy())
    run(PACK, sample=sample.copy())


def test_what_is_packed_does_not_remember():
    assert set(run(RandomFlip(1.), PACK)) == {'inputs', 'data_samples'}


BACK = dict(type='mmxkd.Resize', scale=(W, H), keep_ratio=False)


@pytest.mark.parametrize('steps', [
    [dict(type='RandomFlip', prob=1.),
     dict(type='mmxkd.RandomFlip', prob=0.)],
    [dict(type='Expand', prob=1.), BACK],
    [dict(type='RandomCrop', crop_size=(40, 50)), BACK],
    [dict(type='RandomAffine')],
    [dict(type='RandomShift', prob=1.)],
])
def test_report_of_stock_pipelines(mmdet_scope, steps):
    """The usual SSD, YOLOX and YOLOF pipelines: refused 10 of 10 times."""
    refused = 0
    for seed in range(10):
        random.seed(seed), np.random.seed(seed)
        pipeline = Compose(
            copy.deepcopy(steps) + [
                dict(type='mmxkd.PackMultiModalInputs', modalities=('img',
                                                                    'gated'))
            ])
        try:
            pipeline(place_sample())
        except ConfigError:
            refused += 1
    assert refused == 10
