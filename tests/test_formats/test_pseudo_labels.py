import json

import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.coco_check import check_coco
from mmxkd.formats.pseudo_labels import (
    check_listed_once,
    format_coco,
    teacher_of,
)


def content(score=.5, **info):
    annotation = dict(id=7, image_id=1, category_id=1, bbox=[1, 2, 3, 4],
                      area=12, score=score)
    if score is None:
        del annotation['score']
    return dict(info=info,
                images=[dict(id=1, file_name='a.png', width=40, height=24)],
                annotations=[annotation], categories=[dict(id=1, name='box')])


@pytest.mark.parametrize('score', [0, 1, .25])
def test_scores_of_a_teacher(score):
    check_coco(content(score, teacher=dict(name='big')), 'p.json')


@pytest.mark.parametrize(
    'score',
    [None, float('nan'),
     float('inf'), -.1, 1.1, '0.5', True, [.5]])
def test_scores_that_cannot_be(score):
    with pytest.raises(CorruptSampleError,
                       match=r'p.json: annotations\[0\] \(id 7\): score is'):
        check_coco(content(score, teacher=dict(name='big')), 'p.json')
    # Labels of humans need none.
    check_coco(content(score, year=2026), 'p.json')


@pytest.mark.parametrize(
    'other',
    [None, [], {}, dict(info=[]),
     dict(info=dict(teacher='x'))])
def test_labels_of_humans_have_no_teacher(other):
    assert teacher_of(other) is None


def test_a_frame_listed_twice():
    check_listed_once(['a.png', 'b.png'], 'l.json')
    with pytest.raises(
            ConfigError, match="l.json: 'a.png' is listed twice, as frames 0 "
            'and 2'):
        check_listed_once(['a.png', 'b.png', 'a.png'], 'l.json')


def test_text_is_json_with_a_line_per_entry():
    wanted = content(.1 + .2, teacher=dict(name='ä'))
    wanted['images'] *= 3
    text = format_coco(wanted)
    assert json.loads(text) == wanted
    assert len(text.splitlines()) == 2 + 1 + 5 + 3 + 3
    with pytest.raises(ValueError):
        format_coco(content(float('nan')))
