"""One window is cut and pasted; what does more is refused."""
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import HorizontalBoxes

from mmxkd.datasets.transforms.cutting import (
    CutsAndPastes,
    RandomCenterCropPad,
    RandomShift,
)
from mmxkd.datasets.transforms.geometry import InFrame
from mmxkd.errors import ConfigError


@pytest.fixture
def sample():
    """A picture and a depth map that shows where its pixels were."""
    rng = np.random.default_rng(0)
    where = np.arange(48 * 64, dtype=np.float32).reshape(48, 64) + 1
    return dict(img=rng.integers(0, 255, (48, 64, 3)).astype(np.float32),
                depth=where, img_shape=(48, 64),
                gt_bboxes=HorizontalBoxes(torch.tensor([[8., 8., 40., 40.]])),
                gt_bboxes_labels=np.array([1]),
                gt_ignore_flags=np.array([False]))


def move(stock, sample):
    """``sample`` after a transform whose base moves ``img`` by ``stock``."""

    class Stock(BaseTransform):

        def transform(self, results):
            return stock(results)

    class Moved(InFrame, CutsAndPastes, Stock):
        pass

    return Moved().transform(sample)


def test_two_windows_are_refused(sample):

    def swapped(results):
        img = results['img']
        results['img'] = np.concatenate([img[:, 32:], img[:, :32]], 1)
        return results

    with pytest.raises(ConfigError, match='cuts and pastes one window'):
        move(swapped, sample)


def test_a_mirrored_window_is_refused(sample):

    def mirrored(results):
        results['img'] = results['img'][:, ::-1].copy()
        return results

    with pytest.raises(ConfigError, match='cuts and pastes one window'):
        move(mirrored, sample)


def test_a_sample_that_is_dropped_is_dropped(sample):
    assert move(lambda results: None, sample) is None


def test_a_picture_of_which_nothing_is_left(sample):

    def gone(results):
        results['img'] = np.zeros_like(results['img'])
        return results

    moved = move(gone, sample)
    assert not moved['depth'].any() and not moved['img'].any()


def test_what_is_left_alone_stays_the_same_object(sample):
    img = sample['img']
    assert move(lambda results: results, sample)['img'] is img


def test_a_shift_moves_both_alike(sample):
    np.random.seed(0)
    img, depth = sample['img'].copy(), sample['depth'].copy()
    moved = RandomShift(prob=1., max_shift_px=12).transform(sample)
    there = moved['depth'] > 0
    assert 0 < there.sum() < there.size
    rows, columns = np.divmod(moved['depth'][there].astype(int) - 1, 64)
    assert np.array_equal(moved['img'][there], img[rows, columns])
    assert np.array_equal(moved['depth'][there], depth[rows, columns])


def test_bytes_are_refused_as_mmdet_does(sample):
    transform = RandomCenterCropPad(crop_size=(32, 32), ratios=(1., ),
                                    mean=[0.] * 3, std=[1.] * 3, to_rgb=False,
                                    test_pad_mode=None)
    sample['img'] = sample['img'].astype(np.uint8)
    with pytest.raises(ConfigError, match='img is of uint8, expected float32'):
        transform.transform(sample)
