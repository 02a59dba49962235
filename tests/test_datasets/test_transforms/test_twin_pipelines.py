"""Pipelines of detectors, with every spatial modality."""
import importlib.util
import random

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmdet.datasets import MultiImageMixDataset
from mmdet.registry import TRANSFORMS as mmdet_transforms
from mmengine.config import Config
from mmengine.dataset import BaseDataset, Compose

from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS
from tests.helpers.pages import fenced
from tests.helpers.places import H, W, dense_apart, place_sample, sparse_apart

pytestmark = pytest.mark.usefixtures('mmdet_scope')

DRAWS = 200
EVERY = ('img', 'gated', 'thermal', 'depth')


def seed(number):
    random.seed(number)
    np.random.seed(number)


PIPELINES = {
    'multi-scale and choice': [
        dict(
            type='RandomChoice', transforms=[
                [
                    dict(type='mmxkd.RandomChoiceResize', scales=[(80, 60),
                                                                  (120, 80)])
                ],
                [
                    dict(type='mmxkd.RandomCrop', crop_size=(60, 40),
                         allow_negative_crop=True),
                    dict(type='mmxkd.Resize', scale=(90, 70), keep_ratio=False)
                ],
            ]),
        dict(type='mmxkd.RandomFlip', prob=.5),
    ],
    'SSD': [
        dict(type='PhotoMetricDistortion'),
        dict(type='mmxkd.Expand', mean=[123.675, 116.28, 103.53]),
        dict(type='mmxkd.MinIoURandomCrop'),
        dict(type='mmxkd.Resize', scale=(75, 75), keep_ratio=False),
        dict(type='mmxkd.RandomFlip', prob=.5),
    ],
    'RTMDet': [
        dict(type='mmxkd.CachedMosaic', img_scale=(96, 64)),
        dict(type='mmxkd.RandomResize', scale=(192, 128), ratio_range=(.5, 2.),
             keep_ratio=True),
        dict(type='mmxkd.RandomCrop', crop_size=(96, 64),
             allow_negative_crop=True),
        dict(type='YOLOXHSVRandomAug'),
        dict(type='mmxkd.RandomFlip', prob=.5),
        dict(type='mmxkd.Pad', size=(96, 64)),
        dict(type='mmxkd.CachedMixUp', img_scale=(96, 64)),
    ],
    'RandAugment': [
        dict(
            type='RandAugment', aug_space=[[dict(type='mmxkd.Rotate')],
                                           [dict(type='mmxkd.ShearX')],
                                           [dict(type='Color')]])
    ],
}


@pytest.mark.parametrize('name', PIPELINES)
def test_pipelines_of_detectors_stay_aligned_and_are_packed(name):
    """Colours of img may change, so that gated and thermal are compared."""
    pipeline = Compose(
        PIPELINES[name]
        + [dict(type='mmxkd.PackMultiModalInputs', modalities=EVERY)])
    wrong = 0
    for number in range(DRAWS):
        seed(number)
        inputs = pipeline(place_sample())['inputs']
        gated = inputs['gated'].numpy().astype(float) / 4
        there = gated[2] == 250
        apart = np.abs(gated[0] - inputs['thermal'].numpy()[0])
        # Each resize rounds.
        wrong += bool(there.any() and apart[there].max() > 2.01)
    assert wrong == 0


class LoadPlaces(BaseTransform):
    """As the loaders of a pipeline fill a sample."""

    def transform(self, results):
        return dict(results, **place_sample())


class Places(BaseDataset):
    """Ten samples, as a data set of mmdet gives them."""

    def load_data_list(self):
        return [dict(number=number) for number in range(10)]


def test_yolox_with_mmdet_s_dataset_of_several_images():
    steps = [
        dict(type='mmxkd.Mosaic', img_scale=(W, H), pad_val=114.),
        dict(type='mmxkd.RandomAffine', border=(-W // 2, -H // 2)),
        dict(type='mmxkd.MixUp', img_scale=(W, H), pad_val=114.),
        dict(type='YOLOXHSVRandomAug'),
        dict(type='mmxkd.RandomFlip', prob=.5),
        dict(type='mmxkd.Resize', scale=(W, H), keep_ratio=True),
        dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1)),
        dict(type='mmxkd.PackMultiModalInputs', modalities=EVERY)
    ]
    dataset = MultiImageMixDataset(Places(pipeline=[LoadPlaces()]), steps)
    seed(0)
    for number in range(40):
        inputs = dataset[number % 10]['inputs']
        sizes = {inputs[key].shape[-2:] for key in EVERY}
        assert len(sizes) == 1
        gated = inputs['gated'].numpy().astype(float) / 4
        there = gated[2] == 250
        apart = np.abs(gated[0] - inputs['thermal'].numpy()[0])
        assert apart[there].max(initial=0) <= 2.01
    steps[1] = dict(type='RandomAffine', border=(-W // 2, -H // 2))
    dataset = MultiImageMixDataset(Places(pipeline=[LoadPlaces()]), steps)
    with pytest.raises(ConfigError, match='write mmxkd.RandomAffine'):
        dataset[0]


@pytest.mark.parametrize('name, kwargs', [
    ('RandomFlip', dict(prob=.5)),
    ('Expand', {}),
    ('RandomCrop', dict(crop_size=(50, 40), allow_negative_crop=True)),
])
def test_draws_can_be_shared_with_proposals(name, kwargs):
    """mmdet's wrapper calls a transform twice, with the same draws."""
    wrapper = TRANSFORMS.build(
        dict(type='mmdet.ProposalBroadcaster',
             transforms=[dict(type=f'mmxkd.{name}', **kwargs)]))
    for number in range(20):
        seed(number)
        sample = place_sample()
        sample['proposals'] = sample['gt_bboxes'].clone()
        sample = wrapper(sample)
        assert dense_apart(sample) <= 1.01
        assert sparse_apart(sample) <= .51
        np.testing.assert_array_equal(sample['proposals'].numpy(),
                                      sample['gt_bboxes'].numpy())


def test_the_page_shows_transforms_that_work(repo, tmp_path):
    page = repo / 'docs/transforms.md'
    code = next(text for text in fenced(page) if 'HalfTurn' in text)
    file = tmp_path / 'my_transforms.py'
    file.write_text(code)
    spec = importlib.util.spec_from_file_location('my_transforms', file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pack = TRANSFORMS.build(
        dict(type='mmxkd.PackMultiModalInputs', modalities=EVERY))
    for name in ('Darken', 'HalfTurn'):
        sample = getattr(module, name)()(place_sample())
        if name == 'HalfTurn':
            assert dense_apart(sample) == sparse_apart(sample) == 0
            np.testing.assert_array_equal(sample['gt_bboxes'].numpy()[0],
                                          [W - 60, H - 48, W - 20, H - 16])
        pack(sample)
        # Two runs in one process may both register them.
        mmdet_transforms.module_dict.pop(name)


def test_the_pipeline_of_the_page_is_built(repo):
    text = fenced(repo / 'docs/transforms.md')[0]
    steps = Config.fromstring(text, '.py').train_pipeline
    pipeline = Compose(steps[3:])
    for number in range(20):
        seed(number)
        inputs = pipeline(place_sample())['inputs']
        assert inputs['gated'].shape == (3, 300, 300)
