"""One draw moves all modalities: 200 draws of each transform."""
import copy
import random

import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS
from tests.helpers.places import H, W, dense_apart, place_sample, sparse_apart

pytestmark = pytest.mark.usefixtures('mmdet_scope')

DRAWS = 200
# Arguments of each, and how many pixels a sparse value may be off: half of
# what its cell covers, and half of a pixel of rounding.
CASES = {
    'Resize': (dict(scale=(131, 77), keep_ratio=False), 1.),
    'RandomFlip': (dict(prob=.7,
                        direction=['horizontal', 'vertical', 'diagonal']), 0.),
    'RandomCrop': (dict(crop_size=(50, 40), allow_negative_crop=True), 0.),
    'Pad': (dict(size_divisor=50), 0.),
    'Expand': (dict(mean=(123.675, 116.28, 103.53), prob=.8), 0.),
    'MinIoURandomCrop': ({}, 0.),
    'RandomShift': (dict(prob=.8), 0.),
    'RandomCenterCropPad': (dict(crop_size=(80, 60), ratios=(.8, 1., 1.3),
                                 border=16, mean=[123.675, 116.28, 103.53],
                                 std=[1., 1., 1.], to_rgb=True,
                                 test_pad_mode=None), 0.),
    'RandomAffine': ({}, 2.),
    'Rotate': ({}, 1.),
    'ShearX': ({}, 1.),
    'ShearY': ({}, 1.),
    'TranslateX': ({}, 1.),
    'TranslateY': ({}, 1.),
    'FixScaleResize': (dict(scale=(60, 50), keep_ratio=True), 2.),
    'FixShapeResize': (dict(width=120, height=100, keep_ratio=True), 1.),
    'ResizeShortestEdge': (dict(scale=90, max_size=120), 1.),
    'RandomResize': (dict(scale=[(60, 40), (150, 120)], keep_ratio=True), 2.),
    'RandomChoiceResize': (dict(scales=[(60, 40), (150, 120)]), 2.),
    'RandomErasing': (dict(n_patches=(1, 4), ratio=(.1, .3)), 0.),
    'Mosaic': (dict(img_scale=(70, 60), pad_val=114.), 2.),
    'CachedMosaic': (dict(img_scale=(70, 60), pad_val=114.), 2.),
}
MIXUPS = ('MixUp', 'CachedMixUp')
# What is not called as mmdet's is in a stock config.
INNER = ('RandomResize', 'RandomChoiceResize', 'ResizeShortestEdge')


def seed(number):
    random.seed(number)
    np.random.seed(number)


def make_sample(name, **kwargs):
    dtype = np.float32 if name == 'RandomCenterCropPad' else np.uint8
    sample = place_sample(dtype=dtype, **kwargs)
    if name == 'Mosaic':
        sample['mix_results'] = [place_sample() for _ in range(3)]
    return sample


def build(name, scope='mmxkd', **more):
    transform = TRANSFORMS.build(
        dict(type=f'{scope}.{name}', **dict(CASES[name][0], **more)))
    if name == 'CachedMosaic':
        for _ in range(4):
            transform(place_sample())
    return transform


@pytest.mark.parametrize('name', CASES)
def test_all_modalities_move_alike(name):
    transform, allowed = build(name), CASES[name][1]
    wrong = moved = 0
    for number in range(DRAWS):
        seed(number)
        sample = transform(make_sample(name))
        wrong += (dense_apart(sample) > 1.01
                  or sparse_apart(sample) > allowed + .51)
        moved += sample['img'].shape != (H, W, 3) or (
            sample['img'] != place_sample()['img']).any()
        assert sample['gated'].dtype == np.uint16
        assert sample['thermal'].dtype == np.uint8
        assert sample['depth'].dtype == np.float32
        sizes = {sample[k].shape[:2] for k in ('img', 'thermal', 'depth')}
        assert sizes == {sample['gated'].shape[:2]} == {sample['img_shape']}
    assert wrong == 0
    assert moved > DRAWS / 4


def img_alone(sample):
    """The same sample, and all that are put to it, with ``img`` alone."""
    sample = {
        key: value for key, value in sample.items()
        if key not in ('gated', 'thermal', 'depth')
    }
    if 'mix_results' in sample:
        sample['mix_results'] = list(map(img_alone, sample['mix_results']))
    return sample


@pytest.mark.parametrize('change', [dict, img_alone])
@pytest.mark.parametrize('name', [n for n in CASES if n not in INNER])
def test_img_and_boxes_are_what_mmdet_makes_of_them(name, change):
    runs = []
    for transform in (build(name), build(name, 'mmdet')):
        runs.append([])
        for number in range(DRAWS):
            seed(number)
            sample = transform(change(make_sample(name)))
            # The generator is where mmdet leaves it.
            runs[-1].append((sample, np.random.random(), random.random()))
    for (ours, *states), (stock, *expected) in zip(*runs, strict=True):
        assert states == expected
        np.testing.assert_array_equal(ours['img'], stock['img'])
        assert ours['img'].dtype == stock['img'].dtype
        assert ours['img_shape'] == stock['img_shape']
        np.testing.assert_array_equal(ours['gt_bboxes'].numpy(),
                                      stock['gt_bboxes'].numpy())
        np.testing.assert_array_equal(ours['gt_bboxes_labels'],
                                      stock['gt_bboxes_labels'])


def without_img(sample):
    """The same sample, and all that are put to it, without ``img``."""
    sample = {key: value for key, value in sample.items() if key != 'img'}
    if 'mix_results' in sample:
        sample['mix_results'] = list(map(without_img, sample['mix_results']))
    return sample


@pytest.mark.parametrize('name', CASES)
def test_the_others_move_without_img_as_with_it(name):
    runs = []
    for change in (dict, without_img):
        transform = TRANSFORMS.build(
            dict(type=f'mmxkd.{name}', **CASES[name][0]))
        runs.append([])
        for number in range(DRAWS // 4):
            seed(number)
            sample = change(make_sample(name))
            moved = transform(sample)
            runs[-1].append((moved, np.random.random()))
            # The black picture that mmdet moved has gone from all of them.
            assert ('img' in moved) is ('img' in sample)
            assert change is dict or not any(
                'img' in other for other in sample.get('mix_results', ()))
    for (with_img, state), (alone, its_state) in zip(*runs, strict=True):
        assert state == its_state
        for key in ('gated', 'thermal', 'depth'):
            np.testing.assert_array_equal(alone[key], with_img[key])
        for key in ('img_shape', 'flip', 'scale_factor'):
            assert alone.get(key) == with_img.get(key), key
        for key in ('gt_bboxes', 'gt_bboxes_labels'):
            np.testing.assert_array_equal(
                *(getattr(each[key], 'tensor', each[key])
                  for each in (alone, with_img)))


@pytest.mark.parametrize('name', MIXUPS)
def test_mixups_without_img(name):
    runs = []
    for change in (dict, without_img):
        transform, found = build_mixup(name, 'mmxkd'), []
        for number in range(20):
            seed(number)
            mine, other = place_sample(), place_sample(50, 80)
            if name == 'CachedMixUp':
                # It remembers the other one as it will meet this one.
                transform(change(other))
                found.append(transform(change(mine)))
            else:
                found.append(mix(transform, change(mine), change(other)))
        runs.append(found)
    for with_img, alone in zip(*runs, strict=True):
        assert 'img' not in alone
        for key in ('gated', 'thermal', 'depth'):
            np.testing.assert_array_equal(alone[key], with_img[key])


def build_mixup(name, scope):
    return TRANSFORMS.build(
        dict(type=f'{scope}.{name}', img_scale=(90, 70), ratio_range=(.5, 1.5),
             pad_val=0.))


def mix(transform, mine, other):
    """A mix-up of two samples."""
    if hasattr(transform, 'results_cache'):
        # mmdet never draws the newest one.
        transform.results_cache = [copy.deepcopy(other)]
        return transform(mine)
    return transform(dict(mine, mix_results=[other]))


@pytest.mark.parametrize('name', MIXUPS)
def test_mixups_move_all_modalities_of_the_other_sample(name):
    """The first is black, so that the mixture shows the other."""
    transform = build_mixup(name, 'mmxkd')
    wrong = 0
    for number in range(DRAWS):
        seed(number)
        sample = mix(transform, place_sample(empty=True), place_sample())
        # The half of img is rounded to whole numbers.
        wrong += (dense_apart(sample) > 1.51
                  or sparse_apart(sample, times=2) > 2.51)
        assert sample['gated'].dtype == np.uint16
    assert wrong == 0


@pytest.mark.parametrize('name', MIXUPS)
def test_mixups_leave_the_first_sample_in_its_place(name):
    transform = build_mixup(name, 'mmxkd')
    for number in range(20):
        seed(number)
        sample = mix(transform, place_sample(), place_sample(empty=True))
        assert dense_apart(sample) <= 1.51
        mine = place_sample()['depth']
        np.testing.assert_array_equal(sample['depth'][mine > 0],
                                      mine[mine > 0])


@pytest.mark.parametrize('name', MIXUPS)
def test_mixups_of_img_and_boxes_are_mmdet_s(name):
    transforms = [build_mixup(name, scope) for scope in ('mmxkd', 'mmdet')]
    for number in range(DRAWS):
        runs = []
        for transform in transforms:
            seed(number)
            sample = mix(transform, place_sample(), place_sample())
            runs.append((sample['img'], sample['gt_bboxes'].numpy(),
                         np.random.random()))
        for ours, stock in zip(*runs, strict=True):
            np.testing.assert_array_equal(ours, stock)


@pytest.mark.parametrize('move', [1, -1])
def test_the_yardstick_sees_one_pixel(move):
    for axis in (0, 1):
        sample = place_sample()
        sample['gated'] = np.roll(sample['gated'], move, axis)
        assert dense_apart(sample) > 1.51
        sample = place_sample()
        sample['depth'] = np.roll(sample['depth'], move, axis)
        assert sparse_apart(sample) > .51
    sample = place_sample()
    sample['depth'] = np.roll(sample['depth'], 3 * move, 1)
    assert sparse_apart(sample) > 2.51


def test_what_is_new_is_no_value():
    seed(0)
    sample = build('Expand', prob=1.)(place_sample())
    # mmdet turns the colours round.
    new = (sample['img'] == [103, 116, 123]).all(-1)
    assert new.any()
    for key in ('gated', 'thermal', 'depth'):
        assert not sample[key][new].any()


def test_erased_patches_are_erased_everywhere():
    seed(1)
    before, sample = place_sample(), place_sample()
    original = sample['gated']
    sample = build('RandomErasing', img_border_value=7)(sample)
    erased = (sample['img'] == 7).all(-1)
    assert 0 < erased.sum() < H * W
    for key in ('gated', 'thermal', 'depth'):
        assert not sample[key][erased].any()
        np.testing.assert_array_equal(sample[key][~erased],
                                      before[key][~erased])
    np.testing.assert_array_equal(original, before['gated'])


@pytest.mark.parametrize('name, other', [('Mosaic', 'mix_results'),
                                         ('MixUp', 'mix_results')])
def test_mixed_samples_must_have_the_same_modalities(name, other):
    partner = place_sample()
    del partner['thermal']
    count = 3 if name == 'Mosaic' else 1
    sample = dict(place_sample(), mix_results=[partner] * count)
    with pytest.raises(ConfigError, match="a.png has no 'thermal'"):
        TRANSFORMS.build(dict(type=f'mmxkd.{name}'))(sample)


@pytest.mark.parametrize('name, count', [('Mosaic', 3), ('MixUp', 1)])
def test_sounds_of_several_scenes_are_refused(name, count):
    sample = dict(place_sample(), audio=np.zeros((2, 9), np.float32),
                  mix_results=[place_sample() for _ in range(count)])
    with pytest.raises(ConfigError, match="'audio' of several scenes"):
        TRANSFORMS.build(dict(type=f'mmxkd.{name}'))(sample)
