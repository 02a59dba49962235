import os

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes

from mmxkd.datasets.transforms import (
    LoadDepth,
    PackMultiModalInputs,
    Pad,
    RandomCrop,
    RandomFlip,
    Resize,
)
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti.depth_maps import write_depth
from mmxkd.io.images import encode_image
from mmxkd.models.data_preprocessors import ModalityDetDataPreprocessor
from mmxkd.registry import TRANSFORMS

H, W = 12, 20


def sparse(seed=0):
    """One pixel in ten, every value another number of 1/256 metres."""
    rng = np.random.default_rng(seed)
    depth = np.zeros(H * W, np.float32)
    hits = rng.choice(H * W, H * W // 10, replace=False)
    depth[hits] = rng.choice(80 * 256, len(hits), replace=False) / 256 + 1
    return depth.reshape(H, W)


@pytest.fixture
def sample(tmp_path):
    """A sample before loading, with an image that marks its pixels."""
    path = tmp_path / 'depth_2/000000.png'
    write_depth(path, sparse())
    image = np.dstack([sparse() > 0] * 3).astype(np.uint8) * 200
    return dict(img=image, img_shape=(H, W), ori_shape=(H, W), img_id=0,
                depth_path=str(path),
                gt_bboxes=HorizontalBoxes(torch.tensor([[4., 2., 16., 10.]])),
                gt_bboxes_labels=np.array([0]))


def test_metres_are_loaded(sample):
    transform = TRANSFORMS.build(dict(type='LoadDepth'))
    results = transform(sample)
    np.testing.assert_array_equal(results['depth'], sparse())
    assert results['depth'].dtype == np.float32
    assert repr(transform) == (
        'LoadDepth(backend_args=None, pad_to_img=False)')


def test_image_is_not_needed(sample):
    del sample['img']
    assert LoadDepth()(sample)['depth'].shape == (H, W)


def test_map_of_another_size_is_refused(sample):
    sample['img'] = sample['img'][:, 2:]
    with pytest.raises(CorruptSampleError,
                       match='000000.png: is 20x12, but img is 18x12'):
        LoadDepth()(sample)


def test_sample_without_map_is_named():
    with pytest.raises(
            ConfigError, match='no depth_path for a/7.png: its data set does '
            'not say.*MonoKittiDataset') as caught:
        LoadDepth()(dict(img_path='a/7.png'))
    # The converter may have been run long since.
    assert 'dataset_converters' not in str(caught.value)


def test_map_without_any_depth_is_refused(sample):
    write_depth(sample['depth_path'], np.zeros((H, W), np.float32))
    with pytest.raises(CorruptSampleError,
                       match='000000.png.*no pixel has a depth'):
        LoadDepth()(sample)


def test_map_of_eight_bits_or_missing_is_refused(sample):
    path = sample['depth_path']
    with open(path, 'wb') as file:
        file.write(encode_image(np.full((H, W), 9, np.uint8), '.png'))
    with pytest.raises(CorruptSampleError, match='000000.png.*uint8'):
        LoadDepth()(sample)
    os.remove(path)
    with pytest.raises((CorruptSampleError, FileNotFoundError),
                       match='000000.png'):
        LoadDepth()(sample)


@pytest.mark.parametrize('shape', [(H + 1, W), (H, W + 2)])
def test_map_larger_than_the_image_is_no_crop_of_it(sample, shape):
    write_depth(sample['depth_path'], np.ones(shape, np.float32))
    with pytest.raises(CorruptSampleError, match='000000.png: is'):
        LoadDepth(pad_to_img=True)(sample)


@pytest.mark.parametrize('size', [(352, 1216), (10, 14)])
def test_a_documented_crop_is_put_at_the_bottom_centre(sample, size):
    whole = size[0] + 2, size[1] + 4
    sample['img'] = np.zeros((*whole, 3), np.uint8)
    depth = np.zeros(size, np.float32)
    depth[0, 0], depth[-1, -1] = 5, 7
    write_depth(sample['depth_path'], depth)
    given = True if size == (352, 1216) else list(size)
    found = LoadDepth(pad_to_img=given)(sample)['depth']
    assert found.shape == whole
    assert (found[:3, :3] == 5).all() and (found[-1, -3:] == 7).all()


def test_a_map_of_half_the_size_is_no_crop(sample):
    """It would be taken for one that lies elsewhere, and stretched."""
    write_depth(sample['depth_path'], np.ones((H // 2, W // 2), np.float32))
    for given in (True, (H - 1, W)):
        with pytest.raises(CorruptSampleError,
                           match='000000.png: is 10x6, but img is 20x12'):
            LoadDepth(pad_to_img=given)(sample)


@pytest.mark.parametrize('value', ['yes', (352, ), (0, 9), None])
def test_crops_that_cannot_be(value):
    with pytest.raises(ConfigError, match='pad_to_img=.*height and width'):
        LoadDepth(pad_to_img=value)


@pytest.mark.parametrize('seed', range(4))
def test_chain_keeps_depth_with_the_image_and_blends_nothing(sample, seed):
    """Enlarged twice by repetition, image and depth share their pixels."""
    np.random.seed(seed)
    results = LoadDepth()(sample)
    for transform in (Resize(scale=(2 * W, 2 * H),
                             interpolation='nearest'), RandomFlip(prob=.5),
                      RandomCrop((30, 18), allow_negative_crop=True),
                      Pad(size=(32, 20), pad_val=dict(img=0))):
        results = transform(results)
    depth = results['depth']
    assert depth.shape == (20, 32) and depth.dtype == np.float32
    assert set(np.unique(depth)) <= set(np.unique(sparse()))
    np.testing.assert_array_equal(depth > 0, results['img'][..., 0] == 200)
    packed = PackMultiModalInputs(('img', 'depth'))(results)
    assert packed['inputs']['depth'].dtype == torch.float32
    np.testing.assert_array_equal(packed['inputs']['depth'].numpy(),
                                  depth[None])


def test_shrinking_keeps_the_nearest_hit_of_each_cell(sample):
    results = Resize(scale=(W // 4, H // 4))(LoadDepth()(sample))
    depth = sparse()
    for y, x in np.ndindex(H // 4, W // 4):
        cell = depth[4 * y:4 * y + 4, 4 * x:4 * x + 4]
        hits = cell[cell > 0]
        assert results['depth'][y, x] == (hits.min() if len(hits) else 0)


def test_model_sees_image_and_depth(sample):
    """80 m count as 255, then mean and std of each channel, then padding."""
    results = LoadDepth()(sample)
    packed = PackMultiModalInputs(('img', 'depth'),
                                  meta_keys=('img_id', 'img_shape'))(results)
    view = ModalityDetDataPreprocessor(
        ('img', 'depth'), mean=[100, 100, 100, 25.5], std=[50, 50, 50, 51],
        max_value=dict(depth=80), pad_size_divisor=16)
    inputs = view(
        dict(inputs={key: [value] for key, value in packed['inputs'].items()},
             data_samples=[packed['data_samples']]))['inputs']
    assert inputs.shape == (1, 4, 16, 32)
    expected = (sparse() * 255 / 80 - 25.5) / 51
    np.testing.assert_allclose(inputs[0, 3, :H, :W], expected, rtol=1e-5,
                               atol=1e-6)
    np.testing.assert_array_equal(
        inputs[0, :3, :H, :W], (sample['img'].transpose(2, 0, 1) - 100.) / 50)
    assert (inputs[..., H:, :] == 0).all() and (inputs[..., W:] == 0).all()


def test_model_sees_depth_alone_in_metres(sample):
    packed = PackMultiModalInputs(('depth', ),
                                  meta_keys=())(LoadDepth()(sample))
    view = ModalityDetDataPreprocessor(('depth', ))
    inputs = view(
        dict(inputs=dict(depth=packed['inputs']['depth'][None]),
             data_samples=[packed['data_samples']]))['inputs']
    np.testing.assert_array_equal(inputs[0, 0], sparse())
