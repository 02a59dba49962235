import copy

import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.coco_check import check_coco

GOOD = {
    'images': [
        dict(id=1, file_name='images/a.png', width=40, height=24),
        dict(id=2, file_name='images/b.png', width=40, height=24)
    ],
    'annotations': [
        dict(id=k, image_id=1, category_id=1, bbox=[4, 5, 6.5, 12], area=78)
        for k in (1, 2)
    ],
    'categories': [dict(id=1, name='pedestrian'),
                   dict(id=2, name='car')],
}
NAN, INF = float('nan'), float('inf')


def change(key, value, where='annotations'):
    """A second entry with another value; the error names entry 1."""

    def apply(content):
        if value is None:
            del content[where][1][key]
        else:
            content[where][1][key] = value

    return apply


CASES = [
    *((change('bbox', box), r'annotations\[1\] \(id 2\): bbox is')
      for box in ([NAN, 5, 6, 12], [4, 5, INF, 12], [4, 5, -INF, 12],
                  [4, 5, 0, 12], [4, 5, -6, 12], [4, 5, 6], [4, 5, 6, 12, 1],
                  'abcd', 4, [4, 5, '6', 12], [True, 5, 6, 12], None)),
    *((change('area', area), r'annotations\[1\] \(id 2\): area is')
      for area in (None, NAN, 'x')),
    *((change('category_id', key), r'\[1\] \(id 2\): no category_id')
      for key in (3, None, 1.0, [1], 'pedestrian')),
    *((change('image_id', key), r'\[1\] \(id 2\): no image_id')
      for key in (3, None, [1])),
    (change('id', 1), r'annotations\[1\] has the id 1 of annotations\[0\]'),
    (change('id', None), r'annotations\[1\].id is None'),
    (change('id', 1, 'images'), r'images\[1\] has the id 1 of images\[0\]'),
    (change('id', 1, 'categories'), 'has the id 1 of categories'),
    (change('name', 'pedestrian', 'categories'), 'expected each once'),
    (change('name', None, 'categories'), 'expected each once'),
    *((change('width', size, 'images'), r'images\[1\].width is')
      for size in (0, -40, 40.5, None, '40', True)),
    *((change('file_name', name, 'images'), r'images\[1\].file_name')
      for name in ('../../a.png', '/etc/passwd', 'C:\\a.png', None, 3)),
    *((lambda c, name=name: c.pop(name), f'found no list {name!r}')
      for name in ('images', 'annotations', 'categories')),
    (lambda c: c.update(annotations={}), "no list 'annotations'"),
    (lambda c: c['annotations'].insert(1, 7), r'annotations\[1\] is 7'),
]


def test_a_good_file_is_taken():
    check_coco(GOOD, 'train.json')


@pytest.mark.parametrize('apply, message', CASES)
def test_faults_are_named_with_file_and_entry(apply, message):
    content = copy.deepcopy(GOOD)
    apply(content)
    with pytest.raises(CorruptSampleError, match=message) as caught:
        check_coco(content, 'train.json')
    assert str(caught.value).startswith('annotations: train.json: ')


@pytest.mark.parametrize('content', [[], None, 'x', 3])
def test_other_json(content):
    with pytest.raises(CorruptSampleError, match='expected a COCO file'):
        check_coco(content, 'train.json')


def test_a_file_without_frames():
    with pytest.raises(ConfigError, match='train.json: has no frame'):
        check_coco({**GOOD, 'images': [], 'annotations': []}, 'train.json')


def test_frames_without_objects_are_taken():
    check_coco({**GOOD, 'annotations': []}, 'train.json')
