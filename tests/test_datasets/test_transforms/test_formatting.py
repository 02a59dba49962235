import numpy as np
import pytest
import torch
from mmdet.datasets.transforms import PackDetInputs
from mmdet.datasets.transforms import RandomFlip as StockRandomFlip
from mmdet.datasets.transforms import Resize as StockResize
from mmdet.structures.bbox import HorizontalBoxes

from mmxkd.datasets.transforms import PackMultiModalInputs
from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS


def make_sample():
    rng = np.random.default_rng(0)
    return dict(img_id=7, img_path='images/a.png', img_shape=(6, 8),
                img=rng.integers(0, 256, (6, 8, 3), dtype=np.uint8),
                gated=rng.integers(0, 1024, (6, 8, 3), dtype=np.uint16),
                depth=rng.random((6, 8), dtype=np.float32), audio=rng.random(
                    (8, 100), dtype=np.float32),
                gt_bboxes=HorizontalBoxes(torch.tensor([[1., 1., 4., 5.]])),
                gt_bboxes_labels=np.array([0]))


def test_each_modality_keeps_its_dtype():
    sample = make_sample()
    pack = TRANSFORMS.build(
        dict(type='mmxkd.PackMultiModalInputs',
             modalities=('img', 'gated', 'depth', 'audio')))
    inputs = pack(sample)['inputs']
    assert list(inputs) == ['img', 'gated', 'depth', 'audio']
    assert inputs['gated'].dtype == torch.uint16
    assert inputs['depth'].shape == (1, 6, 8)
    for key in ('img', 'gated'):
        np.testing.assert_array_equal(inputs[key].numpy(),
                                      sample[key].transpose(2, 0, 1))
    np.testing.assert_array_equal(inputs['audio'].numpy(), sample['audio'])


def test_labels_are_packed_as_mmdet_does():
    ours = PackMultiModalInputs(('img', ),
                                meta_keys=('img_id', ))(make_sample())
    stock = PackDetInputs(meta_keys=('img_id', ))(make_sample())
    assert torch.equal(ours['inputs']['img'], stock['inputs'])
    ours, stock = ours['data_samples'], stock['data_samples']
    assert ours.metainfo == stock.metainfo == {'img_id': 7}
    assert torch.equal(ours.gt_instances.bboxes.tensor,
                       stock.gt_instances.bboxes.tensor)
    assert torch.equal(ours.gt_instances.labels, stock.gt_instances.labels)


def test_modality_that_was_not_loaded_is_named():
    with pytest.raises(ConfigError, match="'gatd'.*did you mean 'gated'"):
        PackMultiModalInputs(('img', 'gatd'))(make_sample())


@pytest.mark.parametrize('stock, moved', [
    (StockResize(scale=(16, 12)), 'resized'),
    (StockRandomFlip(prob=1.0), 'flipped'),
])
def test_modality_that_a_stock_transform_left_is_refused(stock, moved):
    with pytest.raises(ConfigError, match=f"img was {moved}.*'gated' was not"):
        PackMultiModalInputs()(stock(make_sample()))
    # A model that sees img alone is not concerned.
    PackMultiModalInputs(('img', ))(stock(make_sample()))


def test_what_nobody_registered_is_packed_as_an_image():
    sample = dict(make_sample(), bands=np.zeros((6, 8, 5), np.float32))
    packed = PackMultiModalInputs(('img', 'bands'))(sample)['inputs']
    assert packed['bands'].shape == (5, 6, 8)
    sample['bands'] = sample['bands'][:, :7]
    with pytest.raises(ConfigError, match="'bands' was not"):
        PackMultiModalInputs(('img', 'bands'))(sample)
