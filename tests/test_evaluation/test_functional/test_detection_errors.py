"""Kinds of mistakes, on boxes made by hand."""
import numpy as np
import pytest

from mmxkd.evaluation.functional.detection_errors import detection_errors

OBJECT = (10, 10, 29, 29)  # 20 x 20 pixels, the last ones inside.


def judge(detections, objects=((OBJECT, 'Car'), )):
    boxes, labels = zip(*objects, strict=True) if objects else ((), ())
    rows = [(*d, 1.) if len(d) == 2 else d for d in detections]
    return detection_errors(
        np.array([r[0] for r in rows], float).reshape(-1, 4),
        np.array([r[1] for r in rows], str),
        np.array([r[2] for r in rows], float),
        np.array(boxes, float).reshape(-1, 4), np.array(labels, str))


@pytest.mark.parametrize(
    'box, label, kind, iou',
    [
        (OBJECT, 'Car', 'correct', 1),
        (OBJECT, 'Cyclist', 'cls', 1),
        # 10 of 20 columns: IoU 0.5 exactly. Without the last pixel: 9 of 19.
        ((10, 10, 19, 29), 'Car', 'correct', .5),
        ((10, 10, 18, 29), 'Car', 'loc', .45),
        ((10, 10, 18, 29), 'Cyclist', 'cls', .45),
        # 2 of 20 columns: exactly 0.1, which is background.
        ((10, 10, 11, 29), 'Car', 'bg', .1),
        ((10, 10, 12, 29), 'Car', 'loc', .15),
        ((100, 100, 120, 120), 'Car', 'bg', 0),
    ])
def test_one_detection(box, label, kind, iou):
    found, *rest = judge([(box, label)])
    assert found.kind == kind and found.iou == pytest.approx(iou)
    assert found.truth == (0 if iou else -1) and found.detection == 0
    assert [f.kind for f in rest] == ([] if kind == 'correct' else ['missed'])


def test_only_as_many_count_as_there_are_objects():
    """The best ones, whatever their order."""
    other = (50, 50, 69, 69)
    found = judge([(other, 'Car', .1), (OBJECT, 'Car', .9),
                   (OBJECT, 'Car', .8)], [(OBJECT, 'Car'), (other, 'Car')])
    assert [(f.kind, f.detection, f.truth)
            for f in found] == [('correct', 1, 0), ('repeated', 2, 0),
                                ('missed', -1, 1)]


def test_nothing_found_and_nothing_to_find():
    assert [f.kind for f in judge([])] == ['missed']
    assert judge([(OBJECT, 'Car')], []) == []
