"""Heads whose predictions can be compared one by one, and others."""
import pytest
from mmdet.registry import TASK_UTILS

from mmxkd.errors import ConfigError
from mmxkd.losses.heads.layouts import check_priors
from tests.helpers.tiny_heads import dense, distilled, on, ssd


def test_8732_and_3000_priors():
    full = ssd()
    full.bbox_head.anchor_generator = dict(
        type='SSDAnchorGenerator', scale_major=False, input_size=300,
        basesize_ratio_range=(0.15, 0.9), strides=[8, 16, 32, 64, 100, 300],
        ratios=[[2], [2, 3], [2, 3], [2, 3], [2], [2]])
    lite = ssd()
    lite.bbox_head.anchor_generator = dict(
        type='SSDAnchorGenerator', scale_major=False, input_size=300,
        strides=[16, 32, 64, 100, 150, 300], ratios=[[2, 3]] * 6,
        min_sizes=[60, 105, 150, 195, 240, 285],
        max_sizes=[105, 150, 195, 240, 285, 330])
    a, b = (TASK_UTILS.build(c.bbox_head.anchor_generator)
            for c in (lite, full))
    check_priors(a, a)
    with pytest.raises(
            ValueError, match=
        (r'Student: 6 levels, strides 16, 32, 64, 100, 150, 300, priors '
         r'a cell 6, 6, 6, 6, 6, 6, 3000 priors at 300×300\. Teacher: 6 '
         r'levels, strides 8, .* a cell 4, 6, 6, 6, 4, 4, 8732 priors')):
        check_priors(a, b)


def test_equal_priors_that_one_side_clamps():
    """Levels, strides, sizes and ratios agree, and yet the boxes do not."""
    sizes = dict(strides=[16, 32, 64, 100, 150, 300], ratios=[[2, 3]] * 6,
                 min_sizes=[60, 105, 150, 195, 240, 285],
                 max_sizes=[105, 150, 195, 240, 285, 330])
    clamped = TASK_UTILS.build(
        dict(type='mmxkd.ClampedSSDAnchorGenerator', **sizes))
    free = TASK_UTILS.build(
        dict(type='SSDAnchorGenerator', scale_major=False, input_size=300,
             **sizes))
    for one, other in ((clamped, free), (free, clamped)):
        check_priors(one, one)
        with pytest.raises(
                ValueError, match=(
                    r'priors of level [0-5] lie at other places, or one side '
                    r'clamps them: prior \d+ .*Student: \[.*Teacher: \[')):
            check_priors(one, other)
    again = TASK_UTILS.build(
        dict(type='mmxkd.ClampedSSDAnchorGenerator', **sizes))
    check_priors(clamped, again)


def test_centres_at_other_places():
    kinds = dict(type='AnchorGenerator', scales=[4], ratios=[1.], strides=[8])
    one, other = (TASK_UTILS.build(dict(kinds, centers=[(c, c)]))
                  for c in (0, 0.5))
    with pytest.raises(ValueError, match='priors of level 0'):
        check_priors(one, other)


def changed(cfg, key, value):
    part = cfg
    *path, last = key.split('.')
    for name in path:
        part = part[name]
    part[last] = value
    return cfg


@pytest.mark.parametrize('teacher, message', [
    (lambda: ssd(strides=(16, 32, 64, 96), ratios=(
        (2, 3), ) * 4), 'Student: 3 levels.* Teacher: 4 levels'),
    (lambda: ssd(ratios=(
        (2, 3), (2, 3),
        (2, 3))), 'priors a cell 6, 6, 4.*priors a cell 6, 6, 6'),
    (lambda: changed(ssd(), 'bbox_head.anchor_generator.min_sizes',
                     [20, 32, 56]),
     'priors of level 0 differ in size, ratio or order'),
    (lambda: ssd(classes=4), 'differ in num_classes: 3 and 4'),
    (lambda: changed(ssd(), 'bbox_head.bbox_coder.target_stds',
                     [1., 1., 1., 1.]), 'target_stds'),
    (lambda: dense('retinanet'), 'sigmoid for each of 3 classes'),
    (lambda: dense('fcos'), 'sigmoid for each of 3 classes'),
])
def test_heads_that_do_not_suit(teacher, message):
    with pytest.raises(ConfigError, match=f'(?s)loss_head.*{message}'):
        distilled(ssd(), teacher(), loss_head=on('bbox_head'))
