"""The k-th category of a file of labels is the k-th class, or it is said."""
import json

import pytest

from mmxkd.datasets.checked_coco import CheckedCOCO
from mmxkd.errors import ConfigError, CorruptSampleError


@pytest.fixture
def path(tmp_path):
    """Labels whose ids of categories do not rise, and one box of each."""
    names = {7: 'car', 2: 'person', 4: 'bicycle'}
    file = tmp_path / 'labels.json'
    file.write_text(
        json.dumps(
            dict(
                images=[dict(id=1, file_name='a.png', width=64, height=48)],
                annotations=[
                    dict(id=k, image_id=1, category_id=k,
                         bbox=[4 * k, 4, 8, 6], area=48, iscrowd=0)
                    for k in names
                ], categories=[
                    dict(id=k, name=name) for k, name in names.items()
                ])))
    return str(file)


@pytest.mark.parametrize('classes, ids', [
    (('car', 'person', 'bicycle'), [7, 2, 4]),
    (('car', 'bicycle'), [7, 4]),
    (('bicycle', ), [4]),
    (('car', 'boat'), [7]),
    ((), [7, 2, 4]),
])
def test_ids_are_those_of_the_classes(path, classes, ids):
    assert CheckedCOCO(path).get_cat_ids(cat_names=classes) == ids


@pytest.mark.parametrize('classes', [
    ('person', 'car', 'bicycle'),
    ('bicycle', 'car'),
    ('bicycle', 'boat', 'person'),
])
def test_another_order_would_swap_classes(path, classes):
    with pytest.raises(ConfigError) as error:
        CheckedCOCO(path).get_cat_ids(cat_names=classes)
    for part in (path, str(classes), 'the order of the file'):
        assert part in str(error.value)


def test_mmdet_asks_by_these_names(path):
    coco = CheckedCOCO(path)
    assert coco.get_ann_ids(img_ids=[1]) == [7, 2, 4]
    assert [ann['category_id'] for ann in coco.img_ann_map[1]] == [7, 2, 4]
    assert dict(coco.cat_img_map) == {7: [1], 2: [1], 4: [1]}


def test_labels_of_frames_without_labels_are_not_read(path):
    coco = CheckedCOCO(path, unlabelled=True)
    assert (coco.get_ann_ids(), coco.get_img_ids()) == ([], [1])


@pytest.mark.parametrize('text', ['{"images": [', '', '\0'])
def test_damaged_files(path, text):
    with open(path, 'w') as file:
        file.write(text)
    with pytest.raises(CorruptSampleError, match='labels.json'):
        CheckedCOCO(path)
