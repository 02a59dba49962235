"""The dataset on VOC's folders."""
import cv2
import numpy as np
import pytest
from mmdet.datasets import VOCDataset as MMDetVOCDataset

from mmxkd.datasets import VOCDataset
from mmxkd.datasets.voc_dataset import UNKNOWN
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.voc import (
    CLASSES,
    VocAnnotation,
    VocObject,
    format_annotation,
)
from mmxkd.formats.voc.boxes import BEYOND, CLIPPED, DROPPED

SIZE = (80, 60)


def write_year(root, year, frames, split='trainval'):
    folder = root / year
    for name in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, objects in frames.items():
        cv2.imwrite(str(folder / f'JPEGImages/{name}.jpg'),
                    np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
        (folder / f'Annotations/{name}.xml').write_text(
            format_annotation(VocAnnotation(f'{name}.jpg', SIZE, objects)))
    (folder / f'ImageSets/Main/{split}.txt').write_text('\n'.join(frames))


@pytest.fixture
def root(tmp_path):
    write_year(
        tmp_path, 'VOC2007', {
            '000005': [
                VocObject('cat', (1, 2, 30, 40)),
                VocObject('dog', (5, 5, 9, 9), difficult=True)
            ], '000007': []
        })
    write_year(tmp_path, 'VOC2012',
               {'2008_000002': [VocObject('TVmonitor', (3, 4, 80, 60))]})
    return tmp_path


def build(root, splits=('VOC2007/trainval', ), **kwargs):
    return VOCDataset(splits, str(root), **kwargs)


def test_two_years_are_one_dataset(root):
    data = build(root, ['VOC2007/trainval', 'VOC2012/trainval'])
    assert data.metainfo['classes'] == CLASSES
    infos = [data.get_data_info(i) for i in range(len(data))]
    assert [i['img_id'] for i in infos] == ['000005', '000007', '2008_000002']
    assert [i['instances'] for i in infos] == [[
        dict(bbox=[0, 1, 29, 39], bbox_label=7, ignore_flag=0),
        dict(bbox=[4, 4, 8, 8], bbox_label=11, ignore_flag=1)
    ], [], [dict(bbox=[2, 3, 79, 59], bbox_label=19, ignore_flag=0)]]
    assert {(i['width'], i['height']) for i in infos} == {SIZE}
    assert not data.left_out.counts()


def test_whole_numbers_are_as_in_mmdets_dataset(root):
    theirs = MMDetVOCDataset(data_root=str(root),
                             ann_file='VOC2007/ImageSets/Main/trainval.txt',
                             data_prefix=dict(sub_data_root='VOC2007/'))
    ours = build(root)
    for index in range(len(theirs)):
        own, other = (d.get_data_info(index) for d in (ours, theirs))
        assert {k: own[k]
                for k in other} == {**other, 'sample_idx': own['sample_idx']}


def test_a_folder_of_this_form_alone(root):
    data = VOCDataset(['trainval'], str(root / 'VOC2007'))
    assert len(data) == 2


def test_splits_that_share_a_picture(root):
    """Else it would teach, and count in the metric, twice."""
    write_year(root, 'VOC2007', {'000007': []}, 'val')
    for splits, message in (([
            'VOC2007/trainval', 'VOC2007/val'
    ], '000007 of VOC2007/val is in VOC2007/trainval already'), ([
            'VOC2007/val', 'VOC2007/val'
    ], '000007 of VOC2007/val is in VOC2007/val already')):
        with pytest.raises(ConfigError, match=message):
            build(root, splits)


def test_empty_and_difficult_ones_stay(root):
    write_year(root, 'VOC2007',
               {'000009': [VocObject('cat', (1, 1, 9, 9), difficult=True)]},
               'hard')
    data = build(root, ['VOC2007/hard', 'VOC2007/trainval'])
    assert len(data) == 3
    assert len(build(root, filter_cfg=dict(filter_empty_gt=True))) == 1
    with pytest.raises(ConfigError, match='leaves none of 2 pictures'):
        build(root, filter_cfg=dict(min_size=100))


@pytest.mark.parametrize('clip, box, why', [
    (True, [0, 0, 79, 8], CLIPPED),
    (False, [-1, -5, 99, 8], BEYOND),
])
def test_odd_boxes_are_counted(root, caplog, clip, box, why):
    write_year(
        root, 'VOC2007', {
            '000011': [
                VocObject('cat', (0, -4, 100, 9)),
                VocObject('cat', (7, 7, 7, 9)),
                VocObject('dog', (9, 7, 7, 9))
            ]
        }, 'odd')
    data = build(root, ['VOC2007/odd'], clip=clip)
    assert [i['bbox'] for i in data.get_data_info(0)['instances']] == [box]
    assert data.left_out.counts() == {('cat', DROPPED): 1, ('cat', why): 1,
                                      ('dog', DROPPED): 1}


def test_unknown_classes(root):
    write_year(root, 'VOC2007', {'000013': [VocObject('cta', (1, 1, 9, 9))]},
               'odd')
    with pytest.raises(
            CorruptSampleError,
            match=r"line 8: unknown class 'cta' \(ignore_unknown=True leaves "
            r"such objects out\); did you mean 'car', 'cat'") as caught:
        build(root, ['VOC2007/odd'])
    assert caught.value.path.endswith('000013.xml')
    data = build(root, ['VOC2007/odd'], ignore_unknown=True)
    assert data.get_data_info(0)['instances'] == []
    assert data.left_out.counts() == {('cta', UNKNOWN): 1}
    own = build(root, ['VOC2007/odd'], metainfo=dict(classes=('CTA', )))
    assert own.get_data_info(0)['instances'][0]['bbox_label'] == 0


def test_a_picture_of_another_size(root):
    path = root / 'VOC2007/JPEGImages/000005.jpg'
    cv2.imwrite(str(path), np.zeros((90, 80, 3), np.uint8))
    with pytest.raises(
            CorruptSampleError, match='is for a picture of 80x60 pixels, but '
            '.*000005.jpg has 80x90'):
        build(root)


def test_the_name_in_the_annotation_does_not_matter(root):
    """Copied annotations often name another picture; the id decides."""
    path = root / 'VOC2007/Annotations/000005.xml'
    text = path.read_text()
    assert '<filename>000005.jpg' in text
    expected = build(root).get_data_info(0)
    path.write_text(text.replace('000005.jpg', 'IMG_0001.PNG'))
    assert build(root).get_data_info(0) == expected


@pytest.mark.parametrize('picture, found', [
    (np.zeros((60, 80), np.uint8), '1 of uint8'),
    (np.zeros((60, 80, 3), np.uint16), '3 of uint16'),
    (np.zeros((60, 80, 4), np.uint8), '4 of uint8'),
])
def test_pictures_of_other_kinds(root, picture, found):
    """OpenCV reads by content, whatever the ending says."""
    path = root / 'VOC2007/JPEGImages/000005.jpg'
    path.write_bytes(cv2.imencode('.png', picture)[1].tobytes())
    pipeline = [dict(type='mmxkd.LoadImageFromFile')]
    data = build(root, pipeline=pipeline)
    with pytest.raises(CorruptSampleError,
                       match=f'expected 3 channels of uint8, found {found}'):
        data[0]


def test_a_size_behind_a_long_profile(root):
    """Segments of 64 KB stand in front of the size in some JPEGs."""
    path = root / 'VOC2007/JPEGImages/000005.jpg'
    content = path.read_bytes()
    segment = b'\xff\xe1' + (60002).to_bytes(2, 'big') + bytes(60000)
    path.write_bytes(content[:2] + segment + content[2:])
    assert build(root).get_data_info(0)['width'] == SIZE[0]


@pytest.mark.parametrize('content', [b'', b'GIF89a', b'\xff\xd8\xff'])
def test_what_is_not_a_picture(root, content):
    path = root / 'VOC2007/JPEGImages/000005.jpg'
    path.write_bytes(content)
    with pytest.raises(CorruptSampleError, match='is not a picture') as caught:
        build(root)
    assert caught.value.path == str(path)


@pytest.mark.parametrize('kwargs, reason', [
    (dict(splits='VOC2007/trainval'), "expected a list such as"),
    (dict(splits=[]), 'expected a list such as'),
    (dict(splits=['trainval'], ann_file='x.txt'), 'ann_file cannot be set'),
    (dict(splits=['VOC2005/trainval']), 'VOC2005: no such folder'),
    (dict(splits=['VOC2007/val']), "known: 'trainval'|did you mean"),
])
def test_refused_arguments(root, kwargs, reason):
    with pytest.raises(ConfigError, match=reason):
        VOCDataset(data_root=str(root), **kwargs)


def test_real_pictures(shared_data):
    """BCCD: blood cells in VOC's form, with odd boxes as published."""
    root = shared_data / 'bccd'
    if not root.is_dir():
        pytest.skip('the BCCD pictures are not part of the package')
    classes = ('RBC', 'WBC', 'Platelets')
    found = {
        split: VOCDataset([split], str(root), clip=True,
                          metainfo=dict(classes=classes))
        for split in ('train', 'val', 'test')
    }
    assert [len(d) for d in found.values()] == [205, 87, 72]
    objects = dropped = 0
    for data in found.values():
        for index in range(len(data)):
            for thing in data.get_data_info(index)['instances']:
                x1, y1, x2, y2 = thing['bbox']
                assert 0 <= x1 < x2 <= 639 and 0 <= y1 < y2 <= 479
                objects += 1
        dropped += sum(number
                       for (_, why), number in data.left_out.counts().items()
                       if why == DROPPED)
    assert objects + dropped == 361 + 372 + 4155
