import json

import cv2
import numpy as np
import pytest
from mmengine.dataset import pseudo_collate

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.registry import DATASETS

IDS = [f'2018-02-08_17-45-07_{n:05d}' for n in (270, 280, 290)]


def make_annotations(category='pedestrian'):
    images = [
        dict(id=n, file_name=f'images/{frame}.png', width=40, height=24,
             frame_id=frame, weather='dense_fog', daytime='night')
        for n, frame in enumerate(IDS, 1)
    ]
    # The second frame is empty.
    boxes = [(1, [4, 5, 6, 12]), (1, [20, 3, 8, 16]), (3, [30, 2, 5, 11])]
    annotations = [
        dict(id=n, image_id=image, category_id=1, bbox=box,
             area=box[2] * box[3], iscrowd=0)
        for n, (image, box) in enumerate(boxes, 1)
    ]
    return dict(images=images, annotations=annotations,
                categories=[dict(id=1, name=category)])


def write_dataset(root, annotations):
    rng = np.random.default_rng(0)
    for folder, shape in (('images', (24, 40, 3)), ('gated0', (24, 40)),
                          ('gated1', (24, 40)), ('gated2', (24, 40))):
        (root / folder).mkdir()
        for frame in IDS:
            image = rng.integers(0, 256, shape, dtype=np.uint8)
            assert cv2.imwrite(str(root / folder / f'{frame}.png'), image)
    (root / 'annotations').mkdir()
    (root / 'annotations' / 'train.json').write_text(json.dumps(annotations))


def build(root, **kwargs):
    pipeline = [
        dict(type='mmxkd.LoadImageFromFile'),
        dict(type='mmxkd.LoadGatedSlices'),
        dict(type='mmdet.LoadAnnotations', with_bbox=True),
        dict(type='mmxkd.Resize', scale=(80, 48)),
        dict(type='mmxkd.PackMultiModalInputs'),
    ]
    defaults = dict(type='mmxkd.STFDataset', data_root=str(root),
                    ann_file='annotations/train.json', pipeline=pipeline)
    return DATASETS.build({**defaults, **kwargs})


@pytest.fixture
def root(tmp_path):
    write_dataset(tmp_path, make_annotations())
    return tmp_path


def test_frames_name_their_slices_and_conditions(root):
    dataset = build(root)
    assert len(dataset) == 3
    assert dataset.metainfo['classes'] == ('pedestrian', )
    info = dataset.get_data_info(0)
    assert info['frame_id'] == IDS[0]
    assert (info['weather'], info['daytime']) == ('dense_fog', 'night')
    assert info['img_path'] == f'{root}/images/{IDS[0]}.png'
    assert info['gated_paths'] == [
        f'{root}/gated{n}/{IDS[0]}.png' for n in range(3)
    ]


def test_samples_and_empty_frames(root):
    dataset = build(root)
    batch = pseudo_collate([dataset[0], dataset[1]])
    assert [x.shape for x in batch['inputs']['gated']] == [(3, 48, 80)] * 2
    full, empty = (s.gt_instances for s in batch['data_samples'])
    np.testing.assert_allclose(full.bboxes.numpy(),
                               [[8, 10, 20, 34], [40, 6, 56, 38]])
    assert full.labels.tolist() == [0, 0]
    assert empty.bboxes.shape == (0, 4)
    assert empty.labels.shape == (0, )


def test_corrupt_sample_in_training_is_not_replaced(root):
    (root / 'gated1' / f'{IDS[1]}.png').write_bytes(b'no image')
    dataset = build(root)
    dataset[0]
    with pytest.raises(CorruptSampleError, match=f'gated1/{IDS[1]}.png'):
        dataset[1]


@pytest.mark.parametrize('test_mode', [False, True])
def test_none_of_a_transform_is_not_replaced(root, test_mode):
    (root / 'images' / f'{IDS[1]}.png').unlink()
    # A stock loader that turns a missing file into None.
    dataset = build(
        root, test_mode=test_mode,
        pipeline=[dict(type='mmcv.LoadImageFromFile', ignore_empty=True)])
    dataset[0]
    with pytest.raises(CorruptSampleError, match=f'{IDS[1]}.*returned None'):
        dataset[1]


def test_other_categories_are_refused(tmp_path):
    write_dataset(tmp_path, make_annotations(category='car'))
    with pytest.raises(ConfigError, match='train.json.*pedestrian'):
        build(tmp_path)


@pytest.mark.parametrize('key', ['frame_id', 'weather', 'daytime'])
def test_missing_entry_is_named(tmp_path, key):
    annotations = make_annotations()
    del annotations['images'][2][key]
    write_dataset(tmp_path, annotations)
    with pytest.raises(CorruptSampleError, match=f'{IDS[2]}.*{key}'):
        build(tmp_path)


NAN = float('nan')


@pytest.mark.parametrize('change, message', [
    (lambda c: c['annotations'][1].update(bbox=[NAN, 3, 8, 16]),
     r'annotations\[1\] \(id 2\): bbox is'),
    (lambda c: c['annotations'][1].update(category_id=7), 'no category_id 7'),
    (lambda c: c['annotations'][1].update(image_id=7), 'no image_id 7'),
    (lambda c: c.pop('annotations'), "found no list 'annotations'"),
    (lambda c: c['images'][1].update(file_name='../../a.png'),
     r'images\[1\].file_name: .* cannot be used'),
])
def test_what_cannot_be_trained_on_is_named(tmp_path, change, message):
    annotations = make_annotations()
    change(annotations)
    write_dataset(tmp_path, annotations)
    with pytest.raises(CorruptSampleError, match=message) as caught:
        build(tmp_path)
    assert 'annotations/train.json' in str(caught.value)


def test_json_that_is_nested_too_deep(root):
    (root / 'annotations/train.json').write_text('[' * 100_000)
    with pytest.raises(CorruptSampleError, match='train.json.*too deep'):
        build(root)


def test_a_mark_at_the_start_changes_nothing(root):
    before = [build(root).get_data_info(k) for k in range(3)]
    path = root / 'annotations/train.json'
    path.write_text(path.read_text(), encoding='utf-8-sig')
    assert [build(root).get_data_info(k) for k in range(3)] == before


def test_classes_in_another_order_than_the_file(tmp_path):
    annotations = make_annotations()
    annotations['categories'].append(dict(id=2, name='car'))
    write_dataset(tmp_path, annotations)
    dataset = build(tmp_path, metainfo=dict(classes=('pedestrian', 'car')))
    assert dataset.get_data_info(0)['instances'][0]['bbox_label'] == 0
    with pytest.raises(ConfigError, match='train.json: .*order of the file'):
        build(tmp_path, metainfo=dict(classes=('car', 'pedestrian')))


def test_boxes_that_mmdet_skips_are_told(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmxkd.datasets.stf_dataset.print_log',
                        lambda text, **kwargs: said.append(text))
    annotations = make_annotations()
    annotations['annotations'][1].update(bbox=[20, 3, .5, 16])
    annotations['annotations'][2].update(bbox=[60, 3, 5, 16])
    write_dataset(tmp_path, annotations)
    dataset = build(tmp_path)
    assert len(dataset.get_data_info(0)['instances']) == 1
    assert ['2 boxes are not used' in text for text in said] == [True]
    annotations['annotations'][1].update(ignore=True)
    del annotations['annotations'][2]
    said.clear()
    path = tmp_path / 'annotations/train.json'
    path.write_text(json.dumps(annotations))
    build(tmp_path)
    assert said == []


@pytest.mark.parametrize('test_mode', [False, True])
def test_a_picture_of_another_size_is_refused(root, test_mode):
    path = root / 'images' / f'{IDS[1]}.png'
    cv2.imwrite(str(path), np.zeros((48, 80, 3), np.uint8))
    dataset = build(root, test_mode=test_mode)
    dataset[0]
    with pytest.raises(CorruptSampleError,
                       match=f'{IDS[1]}.png: has 80x48 pixels.*40x24'):
        dataset[1]


def test_missing_annotation_file_is_named(root):
    with pytest.raises(FileNotFoundError, match='no_such.json'):
        build(root, ann_file='no_such.json')
