"""The official program's own curves, and properties that must hold."""
import gzip
import json

import numpy as np
import pytest

from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti import read_labels, read_results

LEVELS = ('easy', 'moderate', 'hard')


@pytest.fixture(scope='module')
def cases(request):
    path = request.config.rootpath / 'tests/golden/kitti.json.gz'
    return json.loads(gzip.decompress(path.read_bytes()))


@pytest.mark.parametrize('name', [
    'alpha_minus10', 'aos_half_flipped', 'dense_dup', 'dontcare_2d_only',
    'dontcare_cover_0.6_car', 'generic', 'gt_as_det', 'height_25_40',
    'iou_exactly_at_threshold', 'near_perfect', 'no_3d_fields',
    'occlusion_levels', 'perfect_ngt1', 'perfect_ngt20', 'perfect_ngt40',
    'perfect_ngt41', 'perfect_ngt5', 'score_ties', 'small_other_class_absorbs',
    'sparse_empty_frames', 'truncation_boundaries', 'van_neighbour', 'yaw_2pi'
])
def test_curves_equal_the_official_program(cases, write_folder, name):
    frames = {
        f'{i:06d}': frame for i, frame in enumerate(cases[name]['frames'])
    }
    truth = read_labels(
        write_folder('gt', {i: frame['gt'] for i, frame in frames.items()}))
    found = read_results(
        write_folder('dt', {i: frame['dt'] for i, frame in frames.items()}))
    result = evaluate(truth, found)
    left = {(curve.metric, curve.class_name.lower(), curve.difficulty): curve
            for curve in result.curves}
    for key, expected in cases[name]['expected'].items():
        metric, class_name, level = key.split('/')
        curve = left.pop((metric, class_name, LEVELS[int(level)]))
        assert np.abs(curve.values - expected).max() <= 1e-9, key
    # What the program left out, for it found nothing, is 0 with us.
    assert not any(curve.values.any() for curve in left.values())


def test_all_cases_are_run(cases):
    assert len(cases) == 23
    assert sum(len(case['expected']) for case in cases.values()) == 447


def test_averages_of_few_perfect_detections(cases, write_folder):
    """KITTI's own quirk: 41 thresholds need 41 ground truths."""
    for num_gt, ap11, ap40 in ((1, 9.0909, 0), (5, 18.1818, 10),
                               (20, 45.4545, 47.5), (40, 90.9091, 97.5),
                               (41, 100, 100)):
        case = cases[f'perfect_ngt{num_gt}']
        values = np.array(case['expected']['bbox/car/0'])
        frames = {f'{i:06d}': frame for i, frame in enumerate(case['frames'])}
        result = evaluate(
            read_labels(
                write_folder(f'gt{num_gt}',
                             {i: frame['gt'] for i, frame in frames.items()})),
            read_results(
                write_folder(f'dt{num_gt}',
                             {i: frame['dt'] for i, frame in frames.items()})))
        curve = result.curve('bbox', 'Car', 'easy')
        assert curve.num_gt == num_gt
        assert curve.ap11 == pytest.approx(ap11, abs=1e-4)
        assert curve.ap40 == pytest.approx(ap40, abs=1e-9)
        assert curve.ap40 == pytest.approx(values[1:].mean() * 100)
