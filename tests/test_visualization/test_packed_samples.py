"""What packing transforms return, as arrays and boxes."""
import numpy as np
import pytest
import torch
from mmdet.datasets.transforms import LoadAnnotations, PackDetInputs, Resize
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.structures import InstanceData

from mmxkd.datasets.transforms import PackMultiModalInputs
from mmxkd.visualization.packed_samples import boxes_in_file, shown_samples
from tests.helpers.places import place_sample


def test_a_sample_of_several_modalities():
    before = place_sample()
    before['gt_ignore_flags'] = np.array([False, True])
    packed = PackMultiModalInputs(('img', 'gated', 'depth'),
                                  meta_keys=('img_path', ))(before)
    (shown, ) = shown_samples(packed)
    for name in ('img', 'gated'):
        assert (shown.arrays[name] == before[name]).all()
        assert shown.arrays[name].dtype == before[name].dtype
    assert (shown.arrays['depth'][..., 0] == before['depth']).all()
    assert shown.boxes.corners.tolist() == [[20, 16, 60, 48], [4, 6, 30, 40]]
    assert shown.boxes.labels.tolist() == [0, 1]
    assert shown.boxes.ignored.tolist() == [False, True]
    assert np.isnan(shown.boxes.scores).all()
    assert shown.title == 'a.png · 96x64 · 1 box · 1 ignored'


def test_a_picture_of_mmdet_and_boxes_in_pixels_of_the_file():
    before = place_sample()
    before.update(scale_factor=(0.5, 2.0), flip=True,
                  flip_direction='horizontal')
    packed = PackDetInputs(meta_keys=('scale_factor', 'flip',
                                      'flip_direction'))(before)
    (shown, ) = shown_samples(packed, in_file=True)
    assert list(shown.arrays) == ['img']
    assert shown.boxes.corners.tolist() == [[10, 32, 30, 96], [2, 12, 15, 80]]
    assert 'flipped: horizontal' in shown.title
    (shown, ) = shown_samples(packed)
    assert shown.boxes.corners[0].tolist() == [20, 16, 60, 48]


def test_scores_and_sources_of_a_teacher():
    sample = DetDataSample(metainfo=dict(label_source='big'))
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[1., 2, 3, 4]]),
                                       labels=torch.tensor([2]),
                                       scores=torch.tensor([0.75]))
    (shown, ) = shown_samples(
        dict(inputs=torch.zeros(3, 8, 9), data_samples=sample))
    assert shown.boxes.scores.tolist() == [0.75]
    assert shown.title == 'a sample · 9x8 · 1 box · labelled by: big'
    sample = DetDataSample(metainfo=dict(labelled=False))
    (shown, ) = shown_samples(
        dict(inputs=torch.zeros(3, 8, 9), data_samples=sample))
    assert shown.title.endswith('0 boxes · without labels')


def test_branches_and_videos_are_several_pictures():
    one, two = (PackDetInputs(meta_keys=())(place_sample()) for _ in range(2))
    two['inputs'] = two['inputs'] // 2
    branches = {
        key: dict(weak=one[key], strong=two[key])
        for key in ('inputs', 'data_samples')
    }
    weak, strong = shown_samples(branches)
    assert weak.title.startswith('weak: ')
    assert strong.title.startswith('strong: ')
    assert (strong.arrays['img'] == weak.arrays['img'] // 2).all()
    video = dict(
        inputs=torch.stack([one['inputs'], two['inputs']]),
        data_samples=TrackDataSample(
            video_data_samples=[one['data_samples'], two['data_samples']]))
    first, second = shown_samples(video)
    assert (first.arrays['img'] == weak.arrays['img']).all()
    assert (second.arrays['img'] == strong.arrays['img']).all()
    assert len(second.boxes.corners) == 2


def test_sounds_keep_their_shape():
    packed = dict(inputs=dict(spectrogram=torch.rand(2, 8, 5)),
                  data_samples=DetDataSample())
    (shown, ) = shown_samples(packed)
    assert shown.arrays['spectrogram'].shape == (2, 8, 5)


def test_inputs_that_no_packing_makes():
    packed = dict(inputs=torch.zeros(8, 9), data_samples=DetDataSample())
    with pytest.raises(ValueError, match=r"inputs\['img'\].*expected \(C, H"):
        next(shown_samples(packed))


def test_when_boxes_are_in_pixels_of_the_file():
    load, resize = LoadAnnotations(), Resize(scale=(8, 8))
    assert boxes_in_file([resize, load])
    assert not boxes_in_file([load, resize])
    assert not boxes_in_file([load]) and not boxes_in_file([resize])
