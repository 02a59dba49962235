"""Right or refused: every transform of mmdet and mmcv, by 200 draws each."""
import random

import mmcv.transforms
import mmdet.datasets.transforms
import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmdet.structures.mask import BitmapMasks
from mmengine.dataset import Compose

from mmxkd.compat.stacks import ONEDL, OPENMMLAB
from mmxkd.datasets.transforms import MovesTogether, stock
from mmxkd.datasets.transforms.alignment import KEY
from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS
from tests.helpers.places import H, W, dense_apart, place_sample, sparse_apart
from tests.helpers.stacks import STACK

pytestmark = pytest.mark.usefixtures('mmdet_scope')

DRAWS = 200
PACK = dict(type='mmxkd.PackMultiModalInputs',
            modalities=('img', 'gated', 'thermal', 'depth'))
# The base of the colour transforms.
NOTHING, ROTATE = dict(type='mmdet.ColorTransform'), dict(type='mmdet.Rotate')
SHIFT = dict(type='mmdet.RandomShift', prob=1.)
# Those that move pixels or boxes, or hold others, with arguments.
GEOMETRIC = {
    'mmdet.Resize': dict(scale=(W, H), keep_ratio=False),
    'mmdet.FixScaleResize': dict(scale=(W, H)),
    'mmdet.FixShapeResize': dict(width=W, height=H),
    'mmdet.ResizeShortestEdge': dict(scale=H),
    'mmdet.RandomFlip': dict(prob=.5),
    'mmdet.RandomFlip_GLIP': dict(prob=.5),
    'mmdet.RandomCrop': dict(crop_size=(50, 40), allow_negative_crop=True),
    'mmdet.RandomShift': {},
    'mmdet.Expand': {},
    'mmdet.MinIoURandomCrop': {},
    'mmdet.RandomAffine': {},
    'mmdet.RandomErasing': dict(n_patches=1, ratio=.2),
    'mmdet.RandomCenterCropPad': dict(crop_size=(80, 60), border=16,
                                      mean=[0., 0., 0.], std=[1., 1., 1.],
                                      to_rgb=True, test_pad_mode=None),
    'mmdet.Pad': dict(size=(W, H)),
    'mmdet.Mosaic': dict(img_scale=(48, 32)),
    'mmdet.MixUp': dict(img_scale=(W, H)),
    'mmdet.CachedMosaic': dict(img_scale=(48, 32)),
    'mmdet.CachedMixUp': dict(img_scale=(W, H)),
    'mmdet.CopyPaste': {},
    'mmdet.InstaBoost': dict(aug_ratio=0.),
    'mmdet.Albu': {},
    'mmdet.Rotate': {},
    'mmdet.ShearX': {},
    'mmdet.ShearY': {},
    'mmdet.TranslateX': {},
    'mmdet.TranslateY': {},
    'mmdet.RandAugment': dict(aug_space=[[NOTHING], [ROTATE]], aug_num=1),
    'mmdet.AutoAugment': dict(policies=[[NOTHING], [ROTATE]]),
    'mmdet.RandomOrder': dict(transforms=[SHIFT]),
    'mmdet.MultiBranch': dict(branch_field=['a', 'b'], a=[SHIFT, PACK],
                              b=[PACK]),
    'mmdet.ProposalBroadcaster': dict(
        transforms=[dict(type='mmdet.RandomFlip', prob=.5)]),
    'mmcv.Resize': dict(scale=(W, H)),
    'mmcv.RandomFlip': dict(prob=.5),
    'mmcv.Pad': dict(size=(W, H)),
    'mmcv.CenterCrop': dict(crop_size=(W, H)),
    'mmcv.RandomResize': dict(scale=(W, H), ratio_range=(.5, 2.)),
    'mmcv.RandomChoiceResize': dict(scales=[(W, H)]),
    'mmcv.MultiScaleFlipAug': dict(transforms=[PACK], allow_flip=True,
                                   scales=[(W, H)]),
    'mmcv.TestTimeAug': dict(
        transforms=[[dict(type='mmdet.RandomFlip', prob=1.)], [PACK]]),
    'mmcv.Compose': dict(transforms=[SHIFT]),
    'mmcv.RandomChoice': dict(transforms=[[SHIFT], [SHIFT]]),
    'mmcv.RandomApply': dict(transforms=[SHIFT], prob=.5),
    'mmcv.KeyMapper': dict(
        transforms=[SHIFT], auto_remap=True, mapping={
            key: key for key in ('img', 'gt_bboxes', 'gt_bboxes_labels',
                                 'gt_ignore_flags')
        }),
    'mmcv.TransformBroadcaster': dict(
        transforms=[dict(type='mmdet.RandomFlip', prob=.5)], auto_remap=True,
        share_random_params=True, mapping=dict(img=['img', 'gated'])),
}
# Those that change what the pixels of img show.
COLOURS = {
    'mmdet.PhotoMetricDistortion': {},
    'mmdet.YOLOXHSVRandomAug': {},
    'mmdet.CutOut': dict(n_holes=3, cutout_shape=(8, 8), fill_in=(1, 2, 3)),
    'mmdet.Color': {},
    'mmdet.ColorTransform': {},
    'mmdet.Brightness': {},
    'mmdet.Contrast': {},
    'mmdet.Sharpness': {},
    'mmdet.Solarize': {},
    'mmdet.SolarizeAdd': {},
    'mmdet.Posterize': {},
    'mmdet.Equalize': {},
    'mmdet.AutoContrast': {},
    'mmdet.Invert': {},
    'mmcv.Normalize': dict(mean=[1., 2., 3.], std=[4., 5., 6.]),
    'mmcv.RandomGrayscale': dict(prob=.5, keep_channels=True),
}
# Those that do not touch pixels: bases, loading, packing, labels, videos.
OTHERS = {
    'mmdet': {
        'BaseFrameSample', 'FilterAnnotations', 'GeomTransform',
        'GTBoxSubOne_GLIP', 'ImageToTensor', 'InferencerLoader',
        'LoadAnnotations', 'LoadEmptyAnnotations', 'LoadImageFromNDArray',
        'LoadMultiChannelImageFromFiles', 'LoadPanopticAnnotations',
        'LoadProposals', 'LoadTextAnnotations', 'LoadTrackAnnotations',
        'PackDetInputs', 'PackReIDInputs', 'PackTrackInputs',
        'RandomSamplingNegPos', 'SegRescale', 'ToTensor', 'Transpose',
        'UniformRefFrameSample'
    },
    'mmcv': {
        'BaseTransform', 'ImageToTensor', 'LoadAnnotations',
        'LoadImageFromFile', 'ToTensor', 'TRANSFORMS', 'to_tensor'
    },
}
if STACK == ONEDL:
    # Those of lanes, whose samples hold lines and no boxes.
    OTHERS['mmdet'] |= {
        'ImageAug', 'LineDetDataProcessor', 'LinesToArray',
        'PackLineDetectionInputs'
    }


@pytest.mark.parametrize('package, module',
                         [('mmdet', mmdet.datasets.transforms),
                          ('mmcv', mmcv.transforms)])
def test_none_is_forgotten(package, module):
    ours = {
        name.partition('.')[2] for name in (*GEOMETRIC, *COLOURS)
        if name.startswith(package + '.')
    }
    assert ours | OTHERS[package] == set(module.__all__)
    assert not ours & OTHERS[package]


def test_the_table_of_stock_transforms_is_this_one():
    movers = {
        f'{k.__module__.split(".")[0]}.{k.__name__}' for k in stock.MOVERS
    }
    assert movers <= set(GEOMETRIC)
    colours = {
        f'{k.__module__.split(".")[0]}.{k.__name__}' for k in stock.STAYS
    }
    # Its package is not among those that the tests need; OneDL left it out.
    assert colours - {'mmdet.Corrupt'} == set(COLOURS)
    assert ('mmdet.Corrupt' in colours) == (STACK == OPENMMLAB)
    assert set(stock.MOVERS) >= stock.AUDIBLE
    assert not set(stock.MOVERS) & stock.STAYS


@pytest.mark.parametrize('name', sorted(set(stock.MOVERS.values()) - {''}))
def test_each_twin_that_is_offered_exists(name):
    assert issubclass(TRANSFORMS.get(name), MovesTogether)


def build(name, monkeypatch):
    kwargs = GEOMETRIC.get(name, COLOURS.get(name))
    if name == 'mmdet.InstaBoost':
        # Its package is only needed where something is drawn.
        transform = object.__new__(mmdet.datasets.transforms.InstaBoost)
        transform.aug_ratio = 0.
        return transform
    if name == 'mmdet.Albu':
        # As with its package: what it does not know is not in what it returns.
        kind = mmdet.datasets.transforms.Albu
        monkeypatch.setattr(
            kind, 'transform', lambda _, sample: {
                key: np.ascontiguousarray(value[:, ::-1])
                if key == 'img' and np.random.random() < .5 else value
                for key, value in sample.items() if key != KEY
            })
        return object.__new__(kind)
    return TRANSFORMS.build(dict(type=name, **kwargs))


def make_sample(name):
    dtype = np.float32 if 'CenterCropPad' in name else np.uint8
    sample = place_sample(dtype=dtype)
    count = {'mmdet.Mosaic': 3, 'mmdet.MixUp': 1, 'mmdet.CopyPaste': 1}
    masks = BitmapMasks(np.ones((2, H, W), np.uint8), H, W)
    if name in count:
        sample['mix_results'] = [place_sample() for _ in range(count[name])]
    if name == 'mmdet.CopyPaste':
        sample['gt_masks'] = sample['mix_results'][0]['gt_masks'] = masks
    if name == 'mmdet.InstaBoost':
        sample['instances'] = [
            dict(bbox=[1, 2, 3, 4], bbox_label=0, mask=[], ignore_flag=1)
        ]
    if name in ('mmcv.Resize', 'mmcv.RandomFlip', 'mmcv.CenterCrop'):
        # mmcv knows no classes of boxes.
        sample['gt_bboxes'] = sample['gt_bboxes'].numpy()
    if name == 'mmdet.ProposalBroadcaster':
        sample['proposals'] = sample['gt_bboxes'].clone()
        sample['proposals_scores'] = np.ones(2, np.float32)
    return sample


def packed(sample):
    """Each sample that came out of a pipeline, with channels last."""
    inputs = sample['inputs']
    if isinstance(inputs, list):
        groups = inputs
    elif 'img' in inputs:
        groups = [inputs]
    else:
        groups = inputs.values()
    for group in groups:
        found = {k: v.numpy().transpose(1, 2, 0) for k, v in group.items()}
        yield dict(found, depth=found['depth'][..., 0])


@pytest.mark.parametrize('name', GEOMETRIC)
def test_geometric_transforms_are_right_or_refused(name, monkeypatch):
    transform = build(name, monkeypatch)
    steps = [transform]
    if name not in ('mmdet.MultiBranch', 'mmcv.MultiScaleFlipAug',
                    'mmcv.TestTimeAug'):
        steps.append(TRANSFORMS.build(PACK))
    if name == 'mmdet.ProposalBroadcaster':
        # mmdet packs arrays.
        steps.insert(
            1,
            lambda sample: dict(sample, proposals=sample['proposals'].numpy()))
    pipeline = Compose(steps)
    wrong = refused = 0
    for number in range(DRAWS):
        random.seed(number)
        np.random.seed(number)
        try:
            result = pipeline(make_sample(name))
        except ConfigError as error:
            assert 'PackMultiModalInputs: ' in str(error)
            twin = stock.MOVERS.get(type(transform))
            # Of the others, those that they hold are named, or themselves.
            named = [twin] if twin else ['img and the boxes alone', name]
            assert any(text in str(error) for text in named)
            refused += 1
        else:
            wrong += any(
                dense_apart(sample) > 1.01 or sparse_apart(sample) > 1.01
                for sample in packed(result))
    assert wrong == 0
    # Those that hold or draw others are refused when these are called.
    drawn = name in ('mmdet.Albu', 'mmdet.RandAugment', 'mmdet.AutoAugment',
                     'mmcv.RandomApply', 'mmcv.MultiScaleFlipAug',
                     'mmcv.TransformBroadcaster')
    assert refused == DRAWS or (drawn and refused > DRAWS / 4)


def blocks():
    """A picture of blocks of one colour each."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (H // 8, W // 8, 3), np.uint8)
    return colours.repeat(8, 0).repeat(8, 1)


@pytest.mark.parametrize('name', COLOURS)
def test_colours_of_img_alone_may_change(name, monkeypatch):
    """Each pixel stays: what has one colour before has one afterwards."""
    transform = build(name, monkeypatch)
    pack = TRANSFORMS.build(PACK)
    changed = 0
    for number in range(DRAWS):
        random.seed(number)
        np.random.seed(number)
        sample = dict(place_sample(), img=blocks())
        inputs = Compose([transform, pack])(sample)['inputs']
        img = inputs['img'].numpy().transpose(1, 2, 0)
        changed += (img.shape != (H, W, 3)) or (img != blocks()).any()
        if name == 'mmdet.CutOut':
            kept = (img != [1, 2, 3]).any(-1)
            np.testing.assert_array_equal(img[kept], blocks()[kept])
            continue
        # Sharpness reaches one pixel far.
        inner = img.reshape(H // 8, 8, W // 8, 8, 3)[:, 1:-1, :, 1:-1]
        assert np.ptp(inner, axis=(1, 3)).max() <= 1e-4
        np.testing.assert_array_equal(inputs['gated'].numpy()[0],
                                      place_sample()['gated'][..., 0])
    # The base does nothing.
    assert changed > DRAWS / 10 or name == 'mmdet.ColorTransform'


def test_transforms_run_as_mmcv_runs_them():
    """Its only method that calls them is the one that is watched."""
    kinds = [
        getattr(module, name)
        for module in (mmdet.datasets.transforms, mmcv.transforms)
        for name in module.__all__
    ]
    own = [
        kind.__name__ for kind in kinds
        if isinstance(kind, type) and issubclass(kind, BaseTransform)
        and kind.__call__ is not BaseTransform.__call__
    ]
    assert set(own) <= {
        'ToTensor', 'ImageToTensor', 'Transpose', 'WrapFieldsToLists',
        'KeyMapper'
    }
