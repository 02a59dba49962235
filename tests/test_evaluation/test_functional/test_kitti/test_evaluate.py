"""Against the rules written out slowly, and invariants."""
import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.kitti import MIN_OVERLAPS, evaluate
from mmxkd.formats.kitti import CLASSES, DIFFICULTIES, KittiObjects
from tests.helpers.slow_kitti import curve as slow_curve

LEVELS = [level.name for level in DIFFICULTIES]


def run(truth, found, **kwargs):
    return evaluate(KittiObjects.from_frames(truth),
                    KittiObjects.from_frames(found, scored=True), **kwargs)


def assert_same(result, other, tolerance=0.0):
    assert len(result.curves) == len(other.curves) > 0
    for curve in result.curves:
        expected = other.curve(curve.metric, curve.class_name,
                               curve.difficulty, curve.overlap)
        assert np.abs(curve.values - expected.values).max() <= tolerance
        assert curve.num_gt == expected.num_gt


@pytest.mark.parametrize('seed', range(4))
def test_equals_the_rules_written_out(random_frames, seed):
    truth, found = random_frames(seed, 12)
    result = run(truth, found, overlaps=('strict', 'loose'))
    compared = 0
    for overlap, limits in MIN_OVERLAPS.items():
        for metric, values in limits.items():
            for name, limit in zip(CLASSES, values, strict=True):
                for level in LEVELS:
                    num_gt, precision, orientation = slow_curve(
                        truth, found, name, level, metric, limit)
                    curve = result.curve(metric, name, level, overlap)
                    assert curve.num_gt == num_gt
                    assert np.allclose(curve.values, precision, atol=1e-12)
                    compared += bool(precision.any())
                    if metric == 'bbox':
                        curve = result.curve('aos', name, level)
                        assert np.allclose(curve.values, orientation,
                                           atol=1e-12)
    assert compared > 20


def test_order_of_frames_does_not_matter(random_frames):
    truth, found = random_frames(7, 10)
    assert_same(run(truth, found), run(dict(reversed(truth.items())), found))


def test_full_turns_and_common_moves_do_not_matter(random_frames):
    truth, found = random_frames(8, 10)
    before = run(truth, found)
    for columns in (*truth.values(), *found.values()):
        columns['location'] = columns['location'] + [4, 0, 8]
    for columns in found.values():
        columns['rotation_y'] = columns['rotation_y'] + 2 * np.pi
    assert_same(before, run(truth, found), 1e-12)


def crowd(count, name='Car', height=60.0):
    """One object a frame, easy to see."""
    return {
        f'{i:06d}': dict(name=[name], truncated=[0], occluded=[0], alpha=[.3],
                         bbox=[[10, 10, 50, 10 + height]],
                         dimensions=[[1.5, 1.6, 3.9]],
                         location=[[1 + i / 100, 1.7, 12]],
                         rotation_y=[.2 + i / 9]) for i in range(count)
    }


@pytest.mark.parametrize('name', CLASSES)
def test_ground_truth_as_detections_is_perfect(name):
    truth = crowd(41, name)
    found = {
        i: dict(columns, score=[int(i) / 41]) for i, columns in truth.items()
    }
    result = run(truth, found, classes=[name], overlaps=('strict', 'loose'))
    assert len(result.curves) == 18
    assert {curve.ap40 for curve in result.curves} == {100.0}
    assert result.warnings == []


def test_no_detection_at_all_gives_zero():
    nothing = {i: dict(name=[], score=[]) for i in crowd(3)}
    scalars = run(crowd(3), nothing).scalars()
    assert scalars['Car_3d_AP40_moderate_strict'] == 0
    assert scalars['Overall_aos_AP11_easy_strict'] == 0
    assert scalars['n_gt_Car_easy'] == 3


def test_no_ground_truth_of_a_class_gives_zero():
    found = {
        i: dict(columns, name=['Cyclist'], score=[.5])
        for i, columns in crowd(3).items()
    }
    result = run(crowd(3), found)
    assert result.curve('3d', 'Cyclist', 'easy').ap40 == 0
    assert result.num_gt['Cyclist', 'easy'] == 0
    assert 'Cyclist easy 0' in result.warnings[-1]


def test_empty_first_frame():
    truth = {
        '000000': dict(name=[]),
        **{f'{int(i) + 1:06d}': columns for i, columns in crowd(41).items()}
    }
    found = {
        i: dict(columns, score=[.5] * len(columns['name']))
        for i, columns in truth.items()
    }
    assert run(truth, found).curve('aos', 'Car', 'easy').ap40 == 100


def test_a_short_detection_of_another_class_takes_the_ground_truth_away():
    truth = crowd(2)
    first, second = truth
    found = {
        first: dict(truth[first], score=[.9]), second: {
            name: np.concatenate([value, value])
            for name, value in dict(truth[second], score=[.5]).items()
        }
    }
    found[second].update(name=['Pedestrian', 'Car'], score=[.4, .5])
    found[second]['bbox'][0, 3] = 30
    # Among two that fit, the one of the class and the height is taken …
    values = run(truth, found).curve('3d', 'Car', 'easy').values
    assert values[:2].tolist() == [1, 1]
    # … but thresholds come from the one with the higher score.
    found[second]['score'] = [.6, .5]
    values = run(truth, found).curve('3d', 'Car', 'easy').values
    assert values[:2].tolist() == [1, 0]


def test_nothing_but_ignored_detections_counts_as_zero_and_warns():
    """The car is taken by a Van, and at its own score nothing is left."""
    truth = crowd(1)
    frame = '000000'
    car = {name: np.asarray(value) for name, value in truth[frame].items()}
    truth[frame] = {
        name: np.concatenate([value, value]) for name, value in car.items()
    }
    truth[frame]['name'] = np.array(['Van', 'Car'])
    found = {
        frame: {
            name: np.concatenate([value, value])
            for name, value in dict(car, score=[.5]).items()
        }
    }
    found[frame]['bbox'][1, 3] = 30
    found[frame]['score'][1] = .9
    result = run(truth, found, metrics=('3d', ))
    curve = result.curve('3d', 'Car', 'easy')
    assert curve.num_gt == 1 and not np.isnan(curve.values).any()
    assert len(curve.thresholds) == 1
    assert curve.values[0] == 0
    assert any('0/0' in text for text in result.warnings)


def test_a_metric_without_its_numbers_is_left_out():
    found = {
        i: dict(name=['Car'], bbox=columns['bbox'], score=[.5])
        for i, columns in crowd(3).items()
    }
    result = run(crowd(3), found, classes=['Car'])
    assert {curve.metric for curve in result.curves} == {'bbox'}
    assert "'3d'" in result.warnings[1]
    assert '3 of 3 detections have no alpha' in result.warnings[2]
    assert not any('3d' in key for key in result.scalars())


def test_orientation_is_left_out_aloud_or_on_demand():
    found = {i: dict(columns, score=[.5]) for i, columns in crowd(41).items()}
    whole = run(crowd(41), found, classes=['Car'])
    silent = run(crowd(41), found, classes=['Car'], orientation=False)
    found['000007']['alpha'] = [-10]
    result = run(crowd(41), found, classes=['Car'])
    assert result.warnings == [
        '1 of 41 detections have no alpha (-10): '
        'orientation (aos) is not evaluated'
    ]
    assert silent.warnings == whole.warnings == []
    for fewer in (result, silent):
        assert {curve.metric
                for curve in fewer.curves} == {'bbox', 'bev', '3d'}


def test_image_boxes_have_no_loose_overlap():
    nothing = {i: dict(name=[], score=[]) for i in crowd(3)}
    result = run(crowd(3), nothing, overlaps=('loose', ))
    assert {curve.metric for curve in result.curves} == {'bev', '3d'}
    assert result.warnings[0].startswith('bbox is not evaluated')


def test_large_numbers_do_not_overflow():
    frame = crowd(1)['000000']
    frame.update(bbox=[[0, 0, 9e99, 9e99]], dimensions=[[9e99] * 3],
                 alpha=[9e99], rotation_y=[9e99])
    found = {'000000': dict(frame, score=[9e99])}
    result = run({'000000': frame}, found, classes=['Car'])
    assert {curve.values[0] for curve in result.curves} == {1.}


def test_seen_from_above_needs_no_height():
    found = {i: dict(columns, score=[.5]) for i, columns in crowd(41).items()}
    for columns in found.values():
        columns['dimensions'] = [[-1, 1.6, 3.9]]
        columns['location'] = [[columns['location'][0][0], -1000, 12]]
    result = run(crowd(41), found, classes=['Car'])
    assert {curve.metric for curve in result.curves} == {'bbox', 'aos', 'bev'}
    assert result.curve('bev', 'Car', 'easy').ap40 == 100


@pytest.mark.parametrize(
    ('change', 'message'),
    [(dict(classes=('Cars', )), "unknown class 'Cars'; did you mean 'Car'"),
     (dict(metrics=('3D', )), "unknown metric '3D'; did you mean '3d'"),
     (dict(overlaps=('losse', )), "did you mean 'loose'"),
     (dict(classes=('Car', 'Car')), 'each once'),
     (dict(metrics=()), 'one metric or more')])
def test_names_are_checked(change, message):
    with pytest.raises(ConfigError, match=message):
        run(crowd(1), {'000000': dict(name=[], score=[])}, **change)


def test_frames_have_to_agree():
    found = {i: dict(columns, score=[1]) for i, columns in crowd(3).items()}
    with pytest.raises(ConfigError, match='no detections for 1 frames: 00000'):
        run(crowd(3), {i: found[i] for i in list(found)[:2]})
    with pytest.raises(ConfigError, match='no ground truth for 2 frames'):
        run(crowd(1), found)
    with pytest.raises(ConfigError, match='no frame to evaluate'):
        run({}, {})
    twice = KittiObjects.from_frames(found, scored=True).of_frames(
        ['000000', '000002', '000002'])
    with pytest.raises(ConfigError, match='frame 000002 stands there twice'):
        evaluate(twice, twice)
    with pytest.raises(ConfigError, match='need scores'):
        evaluate(*[KittiObjects.from_frames(crowd(1))] * 2)
