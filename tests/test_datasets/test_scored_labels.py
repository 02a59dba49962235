"""Labels that a teacher wrote: from its file into the packed sample."""
import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope

from mmxkd.datasets.transforms.scored_boxes import ScoredBoxes
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.registry import DATASETS, TRANSFORMS

SCORES = [0.9, 0.8, 0.7, 0.4]
BOXES = [[4, 4, 20, 20], [30, 8, 16, 24], [10, 30, 24, 16], [40, 36, 20, 20]]


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def content(scores=SCORES, names=('a', 'b'), teacher=True):
    """Each box of the first frame has a class of its own."""
    made = dict(
        images=[
            dict(id=n, file_name=f'{name}.png', width=64, height=64)
            for n, name in enumerate(names)
        ], annotations=[
            dict(id=n, image_id=0, category_id=n, bbox=box,
                 area=box[2] * box[3], iscrowd=0) |
            ({} if score is None else dict(score=score))
            for n, (box, score) in enumerate(zip(BOXES, scores, strict=True))
        ], categories=[dict(id=n, name=f'class{n}') for n in range(4)])
    if teacher:
        made['info'] = dict(teacher=dict(sha256='ab12', thresholds=0.4))
    return made


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for name in 'abc':
        cv2.imwrite(str(tmp_path / f'{name}.png'),
                    rng.integers(0, 255, (64, 64, 3), np.uint8))
    return tmp_path


def build(root, made, *moves, source='gated', name='labels.json', **kwargs):
    (root / name).write_text(json.dumps(made))
    pipeline = [
        dict(type='LoadImageFromFile', to_float32=True),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='mmxkd.MarkSource', source=source), *moves,
        dict(type='mmxkd.PackMultiModalInputs', modalities=('img', ))
    ]
    return DATASETS.build(
        dict(type='mmxkd.ScoredCocoDataset', data_root=str(root),
             ann_file=name, data_prefix=dict(
                 img=''), pipeline=pipeline, metainfo=dict(
                     classes=[f'class{n}'
                              for n in range(4)]), filter_cfg=None) | kwargs)


def test_scores_and_source_come_through(root):
    full, empty = pseudo_collate(list(build(root, content())))['data_samples']
    for sample in (full, empty):
        assert sample.label_source == 'gated' and sample.labelled is False
    assert full.gt_instances.scores.tolist() == pytest.approx(SCORES)
    assert full.gt_instances.labels.tolist() == [0, 1, 2, 3]
    assert type(full.gt_instances.bboxes).__name__ == 'HorizontalBoxes'
    assert empty.gt_instances.scores.shape == (0, )


def test_boxes_that_mmdet_leaves_out_take_their_score_along(root):
    made = content()
    made['annotations'][1]['bbox'] = [70, 70, 5, 5]
    made['annotations'][2]['iscrowd'] = 1
    sample = build(root, made)[0]['data_samples']
    assert sample.gt_instances.labels.tolist() == [0, 3]
    assert sample.gt_instances.scores.tolist() == pytest.approx([0.9, 0.4])
    assert sample.ignored_instances.scores.tolist() == pytest.approx([0.7])


MOVES = [
    dict(type='mmxkd.RandomFlip', prob=1.0),
    dict(type='mmxkd.RandomCrop', crop_size=(40, 40)),
    dict(type='mmxkd.RandomAffine', max_translate_ratio=0.4),
    dict(type='mmxkd.MinIoURandomCrop'),
    dict(type='mmxkd.Expand', prob=1.0),
    dict(type='mmxkd.RandomShift', prob=1.0, max_shift_px=30),
    dict(type='mmxkd.Resize', scale=(50, 40)),
    dict(type='mmxkd.RandomCenterCropPad', crop_size=(40, 40),
         ratios=(0.9, 1.1), test_pad_mode=None, mean=[0] * 3, std=[1] * 3,
         to_rgb=False),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(18, 18)),
]


@pytest.mark.parametrize('move', MOVES, ids=lambda m: m['type'])
def test_scores_stay_with_their_boxes(root, move):
    """Each box is known by its class, which transforms carry along."""
    np.random.seed(0)
    torch.manual_seed(0)
    dataset = build(root, content(), move)
    counts = set()
    for _ in range(20):
        found = dataset[0]['data_samples'].gt_instances
        expected = [SCORES[label] for label in found.labels]
        assert found.scores.tolist() == pytest.approx(expected)
        counts.add(len(found))
    drops = move['type'] not in ('mmxkd.RandomFlip', 'mmxkd.Resize',
                                 'mmxkd.Expand')
    assert (counts != {4}) == drops


def test_scores_stay_with_their_boxes_in_a_mosaic(root):
    loads = [
        dict(type='mmxkd.LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='mmxkd.MarkSource', source='gated')
    ]
    inner = build(root, content(), pipeline=loads)
    mosaic = DATASETS.build(
        dict(
            type='mmdet.MultiImageMixDataset', dataset=inner, pipeline=[
                dict(type='mmxkd.Mosaic', img_scale=(64, 64)),
                dict(type='mmxkd.PackMultiModalInputs', modalities=('img', ))
            ]))
    np.random.seed(1)
    most = 0
    for _ in range(8):
        found = mosaic[0]['data_samples'].gt_instances
        assert found.scores.tolist() == pytest.approx(
            [SCORES[label] for label in found.labels])
        most = max(most, len(found))
    assert most > 4


def test_new_boxes_without_scores_are_refused(root):

    @TRANSFORMS.register_module(name='MakesBoxesAnew', force=True)
    class MakesBoxesAnew:

        def __call__(self, results):
            results['gt_bboxes'] = ScoredBoxes(results['gt_bboxes'].tensor)
            return results

    with pytest.raises(ConfigError, match='a.png: a transform has made boxes'):
        build(root, content(), dict(type='mmxkd.MakesBoxesAnew'))[0]


def test_human_labels_and_no_labels(root):
    plain = content([None] * 4, teacher=False)
    human = build(root, plain, source='human')[0]['data_samples']
    assert human.label_source == 'human' and human.labelled is True
    assert 'scores' not in human.gt_instances
    none = build(root, plain, source='unlabelled')[0]['data_samples']
    assert none.labelled is False and 'label_source' not in none
    assert len(none.gt_instances) == len(none.ignored_instances) == 0
    with pytest.raises(CorruptSampleError, match="a.png.*box 0 has no score"):
        build(root, plain, source='teacher')[0]


def test_marking_comes_behind_the_boxes(root):
    with pytest.raises(ConfigError, match='right behind that transform'):
        TRANSFORMS.build(dict(type='mmxkd.MarkSource',
                              source='t'))(dict(img_path='a.png',
                                                instances=[{}]))


@pytest.mark.parametrize('score', [None, float('nan'), 1.5, -0.1, '0.5', True])
def test_scores_that_are_none(root, score):
    with pytest.raises(
            CorruptSampleError, match=r'annotations\[2\] \(id 2\)'
            ': score is.*expected 0 to 1|NaN'):
        build(root, content([0.9, 0.8, score, 0.4]))


def test_missing_scores(root):
    with pytest.raises(CorruptSampleError, match='score is None, expected 0'):
        build(root, content([None] * 4))
    with pytest.raises(CorruptSampleError, match='1 of 4 boxes of .*a.png'):
        build(root, content([0.9, 0.8, None, 0.4], teacher=False))


def test_a_list_of_frames_without_labels(root):
    listed = content()
    del listed['annotations']
    for made in (listed, content()):
        data = build(
            root, made, unlabelled=True, pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations', with_bbox=True),
                dict(type='mmxkd.PackMultiModalInputs', modalities=('img', ))
            ])
        assert len(data) == 2
        sample = data[0]['data_samples']
        assert sample.labelled is False and 'label_source' not in sample
        assert len(sample.gt_instances) == 0
    with pytest.raises(CorruptSampleError, match="no list 'annotations'"):
        build(root, listed)


def test_a_file_that_was_cut_off(root):
    build(root, content())
    text = (root / 'labels.json').read_text()
    (root / 'cut.json').write_text(text[:len(text) // 2])
    with pytest.raises(CorruptSampleError, match='cut.json'):
        DATASETS.build(
            dict(type='mmxkd.ScoredCocoDataset', data_root=str(root),
                 ann_file='cut.json', pipeline=[]))


@pytest.mark.parametrize('expected, message', [
    (dict(sha256='ffff'), "written with sha256='ab12'.*says 'ffff'"),
    (dict(thresholds=0.5), 'written with thresholds=0.4'),
    (dict(sha265='ab12'), "unknown key 'sha265'; did you mean 'sha256'"),
])
def test_labels_of_another_teacher(root, expected, message):
    with pytest.raises(ConfigError, match=message):
        build(root, content(), teacher=expected)


def test_labels_of_the_stated_teacher(root):
    assert len(build(root, content(), teacher=dict(sha256='ab12'))) == 2
    plain = content([None] * 4, teacher=False)
    with pytest.raises(ConfigError, match='a teacher did not write it'):
        build(root, plain, source='human', teacher=dict(sha256='ab12'))


def mixed(root, *parts):
    return DATASETS.build(dict(type='mmxkd.MixedDataset',
                               datasets=list(parts)))


def human(root, names):
    return build(root, content([None] * 4, names, teacher=False),
                 source='human', name='human.json')


def test_a_frame_of_both_sets_keeps_the_human_labels(root, monkeypatch):
    said = []
    monkeypatch.setattr('mmxkd.datasets.mixed_dataset.print_log',
                        lambda text, **kwargs: said.append(text))
    data = mixed(root, human(root, 'ab'), build(root, content(names='bc')))
    assert '1 frames of the dataset number 1' in said[0]
    assert said[0].endswith('b.png')
    assert [len(part) for part in data.datasets] == [2, 1]
    assert len(data) == 3 and data.cumulative_sizes == [2, 3]
    names = [data.get_data_info(i)['img_path'][-5:] for i in range(3)]
    assert names == ['a.png', 'b.png', 'c.png']
    sources = [data[i]['data_samples'].label_source for i in range(3)]
    assert sources == ['human', 'human', 'gated']
    assert data.metainfo['classes'] == tuple(
        f'class{n}' for n in range(4)) or (list(data.metainfo['classes'])
                                           == [f'class{n}' for n in range(4)])


def test_sets_that_cannot_be_mixed(root):
    with pytest.raises(ConfigError, match='all 2 frames .* number 1'):
        mixed(root, human(root, 'ab'), build(root, content(names='ba')))
    other = content(names='bc')
    for number, category in enumerate(other['categories']):
        category['name'] = f'kind{number}'
    kinds = build(root, other,
                  metainfo=dict(classes=[f'kind{n}' for n in range(4)]))
    with pytest.raises(ConfigError, match='other classes than the first'):
        mixed(root, human(root, 'a'), kinds)
    with pytest.raises(ConfigError, match='is a RepeatDataset'):
        mixed(
            root,
            dict(
                type='mmengine.RepeatDataset', times=2,
                dataset=dict(type='mmxkd.ScoredCocoDataset',
                             data_root=str(root), ann_file='human.json',
                             data_prefix=dict(img=''))))
