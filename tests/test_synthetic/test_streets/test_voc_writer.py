"""Synthetic streets in VOC's form."""
import cv2
import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.formats.voc import VocLayout, read_annotation
from mmxkd.synthetic.streets.voc_writer import (
    SYNTHETIC_CLASSES,
    VocSettings,
    draw_window,
    objects_in,
    write_voc_dataset,
)

LABELS = dict(
    name=['Car', 'Truck', 'Pedestrian', 'DontCare'], bbox=[(10, 20, 50, 60),
                                                           (0, 0, 90, 90),
                                                           (45, 10, 65, 70),
                                                           (1, 1, 9, 9)],
    truncated=[0.0, 0.0, 0.0, -1.0], occluded=[0, 0, 2, -1])


def test_boxes_are_cut_and_counted_from_one():
    car, person = objects_in(LABELS, (20, 10, 60))
    assert (car.name, car.box) == ('car', (1, 11, 31, 51))
    # A quarter of it is outside.
    assert car.truncated and not car.difficult
    assert (person.name, person.box) == ('person', (26, 1, 46, 60))
    assert person.difficult


def test_what_is_hardly_in_the_piece():
    # 30 % of the car: difficult; 10 %: not labelled.
    (car, ) = objects_in(LABELS, (38, 0, 200))[:1]
    assert car.name == 'car' and car.difficult
    assert [o.name for o in objects_in(LABELS, (46, 0, 200))] == ['person']


@pytest.mark.parametrize('names', [['Car', 'Pedestrian'], []])
def test_windows_lie_in_the_street(names):
    labels = {
        key: [
            v for v, n in zip(LABELS[key], LABELS['name'], strict=True)
            if n in names
        ] for key in LABELS
    }
    for seed in range(50):
        left, top, side = draw_window(np.random.default_rng(seed), labels,
                                      (300, 100))
        assert 40 <= side <= 100
        assert 0 <= left <= 300 - side and 0 <= top <= 100 - side
        if names:
            assert objects_in(labels, (left, top, side))


def test_a_data_set_as_vocs_reader_sees_it(tmp_path):
    settings = VocSettings(trainval=3, test=2, seed=5, scale=.3)
    splits = write_voc_dataset(tmp_path, settings)
    layout = VocLayout(tmp_path / 'VOC2007')
    assert splits.pop('val') == []
    assert splits == {s: layout.ids(s) for s in ('trainval', 'train', 'test')}
    assert splits['train'] == splits['trainval']
    assert splits['test'] == ['000003', '000004']
    names = set()
    for name in splits['trainval'] + splits['test']:
        annotation = read_annotation(layout.annotation(name))
        picture = cv2.imread(str(layout.picture(name)))
        height, width = picture.shape[:2]
        assert annotation.size == (width, height) and width == height
        for thing in annotation.objects:
            x1, y1, x2, y2 = thing.box
            assert 1 <= x1 < x2 <= width and 1 <= y1 < y2 <= height
            names.add(thing.name)
    assert names and names <= set(SYNTHETIC_CLASSES)
    # Pictures that are there are kept, others are drawn as they were.
    lost = layout.picture('000001')
    content = lost.read_bytes()
    lost.unlink()
    write_voc_dataset(tmp_path, settings)
    assert lost.read_bytes() == content
    with pytest.raises(ConfigError, match='other settings'):
        write_voc_dataset(tmp_path, VocSettings(trainval=3, test=2))


@pytest.mark.parametrize('kwargs, reason', [
    (dict(trainval=0), 'trainval must be 1 or more: 0'),
    (dict(seed=-1), 'seed must be 0 or more: -1'),
    (dict(scale=.1), 'scale must be 0.2..1: 0.1'),
])
def test_refused(kwargs, reason):
    with pytest.raises(ConfigError, match=reason):
        VocSettings(**{'trainval': 1, 'test': 1, **kwargs})
