import json

import numpy as np
import pytest

from mmxkd.evaluation.functional.kitti import Curve, KittiResult


@pytest.fixture
def result():
    values = np.linspace(1, 0, 41)
    return KittiResult([
        Curve(metric, name, level, 'strict', .7, count, values * share,
              np.array([.5])) for name, share in (('Car', 1), ('Cyclist', .5))
        for metric in ('bbox', '3d')
        for level, count in (('easy', 40), ('moderate', 41), ('hard', 50))
        if (metric, name) != ('3d', 'Cyclist')
    ], ['a note'], 12, ('Car', 'Cyclist'))


def test_scalars(result):
    scalars = result.scalars()
    # Of 1, 0.975, …, 0: without the first, and every fourth.
    assert scalars['Car_bbox_AP40_easy_strict'] == pytest.approx(48.75)
    assert scalars['Cyclist_bbox_AP11_hard_strict'] == pytest.approx(25)
    assert scalars['Overall_bbox_AP11_hard_strict'] == pytest.approx(37.5)
    # One class lacks it: a mean over the other would be misread.
    assert 'Overall_3d_AP40_easy_strict' not in scalars
    assert scalars['n_gt_Cyclist_moderate'] == 41


@pytest.mark.parametrize('name, near', [
    ('Car_bev_AP40_easy_strict', 'Car_3d_AP40_easy_strict'),
    ('Car_bbox_AP40_easy_loose', 'Car_bbox_AP40_easy_strict'),
])
def test_a_number_that_was_not_evaluated(result, name, near):
    with pytest.raises(KeyError) as caught:
        result.scalars()[name]
    message = str(caught.value)
    assert repr(name) in message and repr(near) in message
    assert 'evaluated were the metrics bbox, 3d of Car, Cyclist (strict)' in (
        message)
    nothing = KittiResult([], [], 0, ())
    with pytest.raises(KeyError, match='nothing was evaluated'):
        nothing.scalars()[name]


def test_warnings_name_classes_with_few_ground_truths(result):
    assert result.warnings == [
        'a note', 'with fewer than 41 ground truths even a perfect detector '
        'has an AP below 100: Car easy 40, Cyclist easy 40'
    ]


def test_table_shows_counts_and_protocol(result):
    lines = result.table().splitlines()
    assert '12 frames' in lines[0]
    assert lines[1].split() == ['Car', 'easy', 'moderate', 'hard']
    assert lines[2].split() == ['n_gt', '40', '41', '50']
    assert lines[3].split() == [
        'bbox', 'AP_R40', '@0.70', '(strict)', *['48.7500'] * 3
    ]


def test_json(result):
    content = json.loads(json.dumps(result.to_dict()))
    assert content['num_frames'] == 12
    assert content['scalars'] == result.scalars()
    curve = content['curves'][0]
    assert (curve['metric'], curve['class'], curve['n_gt']) == ('bbox', 'Car',
                                                                40)
    assert len(curve['values']) == 41


def test_a_curve_that_is_not_there(result):
    with pytest.raises(KeyError, match='no curve'):
        result.curve('bev', 'Car', 'easy')


def test_no_mean_where_a_class_was_left_out_of_everything(result):
    less = KittiResult(result.curves, [], 12, ('Car', 'Cyclist', 'Pedestrian'))
    assert not any(key.startswith('Overall') for key in less.scalars())
    assert less.scalars()['Car_bbox_AP40_easy_strict'] == (
        result.scalars()['Car_bbox_AP40_easy_strict'])
