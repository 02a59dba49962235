"""What counts of one teacher's detections, and as which class."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.structures import InstanceData

from mmxkd.engine.labellers import TeacherPart
from mmxkd.engine.meaning import Meaning
from mmxkd.errors import ConfigError


def found(*rows):
    """Of rows x1, y1, x2, y2, score, label."""
    rows = torch.tensor(rows).reshape(-1, 6)
    return InstanceData(bboxes=rows[:, :4], scores=rows[:, 4],
                        labels=rows[:, 5].long())


def teacher(classes, check_meaning=True):
    return SimpleNamespace(meaning=Meaning(classes=classes),
                           check_meaning=check_meaning)


ROWS = ([0., 0., 10., 10., .3, 0], [1., 0., 11., 10., .9,
                                    0], [1., 0., 11., 10., .8,
                                         1], [40., 0., 50., 10., .29,
                                              1], [5., 5., 5., 9., .9, 0])


def test_thresholds_area_and_own_suppression():
    part = TeacherPart('t', score_thr=.3).chosen(found(*ROWS), 'a.png')
    # A score of 0.3 in single precision reaches 0.3.
    assert part.scores.tolist() == pytest.approx([.3, .9, .8])
    part = TeacherPart('t', .3, iou_thr=.5).chosen(found(*ROWS), 'a.png')
    assert part.scores.tolist() == pytest.approx([.9, .8])
    assert part.labels.tolist() == [0, 1]


def test_classes_become_others_and_suppress_each_other_then():
    names = dict(car='vehicle', bus='vehicle')
    part = TeacherPart('t', .2, iou_thr=.5, classes=names)
    part.check_classes(('person', 'vehicle'), teacher(('car', 'bus')))
    kept = part.chosen(found(*ROWS), 'a.png')
    assert kept.labels.tolist() == [1, 1]
    assert kept.boxes[:, 0].tolist() == [1, 40]
    # A class that the map does not name is left out.
    part = TeacherPart('t', .2, classes=dict(bus='vehicle'))
    part.check_classes(('person', 'vehicle'), teacher(('car', 'bus')))
    assert part.chosen(found(*ROWS), 'a.png').boxes[:, 0].tolist() == [1, 40]


def test_without_a_map_the_classes_must_be_the_same():
    part = TeacherPart('t')
    part.check_classes(('a', 'b'), teacher(('a', 'b')))
    with pytest.raises(ConfigError, match="teacher 't' are in another order"):
        part.check_classes(('b', 'a'), teacher(('a', 'b')))
    part.check_classes(('b', 'a'), teacher(('a', 'b'), check_meaning=False))


@pytest.mark.parametrize('names, student, own, message', [
    (dict(cra='vehicle'), ('vehicle', ), ('car', ),
     "'t'.classes: unknown class of the teacher 'cra'; did you mean 'car'"),
    (dict(car='vehicel'), ('vehicle', ), ('car', ),
     "unknown class of the student 'vehicel'; did you mean 'vehicle'"),
    (dict(car='vehicle'), ('vehicle', ), None,
     'nothing says which classes the teacher has; set metainfo'),
    (dict(car='vehicle'), None, ('car', ), 'which classes the student has'),
])
def test_maps_that_name_what_there_is_not(names, student, own, message):
    with pytest.raises(ConfigError, match=message):
        TeacherPart('t', classes=names).check_classes(student, teacher(own))


def test_a_map_that_nobody_compared():
    part = TeacherPart('t', classes=dict(car='car'))
    with pytest.raises(ConfigError, match='TeacherMeaningHook'):
        part.chosen(found(*ROWS), 'a.png')
    part.check_classes(('car', ), teacher(('car', )))
    with pytest.raises(
            ValueError, match="'t' gave the class 1 for a.png, but "
            'only 1 have names'):
        part.chosen(found(*ROWS), 'a.png')


@pytest.mark.parametrize('column, what', [(4, 'score'), (2, 'box')])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_numbers_that_are_not_finite(column, what, value):
    row = list(ROWS[0])
    row[column] = value
    with pytest.raises(
            ValueError, match=f"teacher 't' gave a {what} that is "
            'not finite for a.png'):
        TeacherPart('t').chosen(found(row), 'a.png')


@pytest.mark.parametrize('wrong, message', [
    (dict(score_thr=2),
     "labels of teacher 't'.score_thr=2, expected a number from 0 to 1"),
    (dict(score_thr='0.3'), "score_thr='0.3', expected a number"),
    (dict(score_thr=None), 'score_thr=None, expected a number'),
    (dict(iou_thr=1), 'iou_thr=1, expected a number from 0 to below 1'),
    (dict(iou_thr='x'), "iou_thr='x', expected a number"),
    (dict(classes={}), 'classes={}, expected a dict such as'),
    (dict(classes=('car', )), r"classes=\('car',\), expected a dict"),
])
def test_what_is_out_of_range(wrong, message):
    with pytest.raises(ConfigError, match=message):
        TeacherPart('t', **wrong)
