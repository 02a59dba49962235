"""A sample of one thermal picture moves as one of ``img`` does."""
import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes

from mmxkd.datasets.transforms import (
    FixScaleResize,
    FixShapeResize,
    PackMultiModalInputs,
    Pad,
    RandomCrop,
    RandomFlip,
    Resize,
    ResizeShortestEdge,
    add_modality,
)
from mmxkd.errors import ConfigError, CorruptSampleError

H, W = 24, 40


def ramp():
    y, x = np.mgrid[:H, :W]
    return (y * 6 + x).astype(np.uint8)


def sample_of(name):
    """The same picture and box, as ``img`` or as ``thermal``."""
    picture = np.dstack([ramp()] * 3) if name == 'img' else ramp()
    sample = add_modality({}, name, picture, 'a.png')
    return dict(sample, img_path='a.png',
                gt_bboxes=HorizontalBoxes(torch.tensor([[4., 6., 20., 18.]])),
                gt_bboxes_labels=np.array([0]))


@pytest.mark.parametrize('transform', [
    Resize(scale=(60, 50), keep_ratio=True),
    Resize(scale=(60, 50)),
    Resize(scale_factor=.5),
    FixScaleResize(scale=(60, 50), keep_ratio=True),
    FixShapeResize(60, 50, keep_ratio=False),
    FixShapeResize(60, 50, keep_ratio=True),
    ResizeShortestEdge(12, max_size=100),
    RandomFlip(prob=1.),
    RandomFlip(prob=1., direction='diagonal'),
    RandomCrop((30, 20), allow_negative_crop=True),
    Pad(size_divisor=32, pad_val=dict(img=(0, 0, 0))),
], ids=lambda transform: type(transform).__name__)
def test_thermal_alone_moves_as_img_does(transform):
    moved = {}
    for name in ('img', 'thermal'):
        np.random.seed(2)
        moved[name] = transform(sample_of(name))
    seen, felt = moved['img'], moved['thermal']
    assert 'img' not in felt
    np.testing.assert_array_equal(felt['thermal'], seen['img'][..., 0])
    np.testing.assert_array_equal(felt['gt_bboxes'].numpy(),
                                  seen['gt_bboxes'].numpy())
    for key in ('img_shape', 'scale_factor', 'ori_shape', 'keep_ratio',
                'scale', 'flip', 'pad_shape'):
        assert felt.get(key) == seen.get(key), key
    np.testing.assert_array_equal(felt.get('homography_matrix'),
                                  seen.get('homography_matrix'))


def test_what_one_pipeline_packs():
    sample = sample_of('thermal')
    for step in (Resize(scale=(60, 36)), RandomFlip(prob=1.)):
        sample = step(sample)
    packed = PackMultiModalInputs(
        ('thermal', ),
        meta_keys=('ori_shape', 'img_shape', 'scale_factor', 'flip'))(sample)
    assert packed['inputs']['thermal'].shape == (1, 36, 60)
    found = packed['data_samples']
    assert (found.ori_shape, found.img_shape) == ((H, W), (36, 60))
    assert found.scale_factor == (1.5, 1.5) and found.flip
    assert found.gt_instances.bboxes.numpy().tolist() == [[30, 9, 54, 27]]


def test_a_sample_without_any_size():
    for transform in (Resize(scale=(9, 9)), Pad(size_divisor=4)):
        with pytest.raises(ConfigError,
                           match='neither a picture nor img_shape'):
            transform(dict(gt_bboxes_labels=np.array([0])))


def test_pictures_of_two_sizes_without_img():
    sample = add_modality({}, 'thermal', ramp(), 'a.png')
    with pytest.raises(CorruptSampleError,
                       match='is 39x24 uint8, but thermal is 40x24; both'):
        add_modality(sample, 'depth', ramp()[:, 1:], 'b.png')
    # A loader of sound has said the frame: CropColumns cuts pictures to it.
    cut = add_modality(dict(img_shape=(H, 30), ori_shape=(H, 30)), 'thermal',
                       ramp(), 'a.png')
    assert cut['img_shape'] == (H, 30)
