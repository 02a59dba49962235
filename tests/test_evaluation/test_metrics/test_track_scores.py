"""The score at which tracks start, where ghosts have one and cars another."""
import json

import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.evaluation.metrics import DriveTrackMetric
from mmxkd.evaluation.metrics.track_scores import (
    best_score,
    read_found,
    tracks_by_score,
)

NUMBER = 8
CAR, GHOST = .72, .41


@pytest.fixture
def files(tmp_path):
    """One car in 8 frames; a detector that sees it, and a ghost beside it."""
    images = [
        dict(id=k, file_name=f'{k}.jpg', width=320, height=128,
             frame_id=f'drive_day_1/{100 + k}_000000000_0')
        for k in range(NUMBER)
    ]
    boxes = [[20 + 8 * k, 30, 60, 40] for k in range(NUMBER)]
    truth = dict(
        images=images, annotations=[
            dict(id=k, image_id=k, category_id=1, bbox=box, area=2400,
                 iscrowd=0, instance_id=5) for k, box in enumerate(boxes)
        ], categories=[dict(id=1, name='car')])
    found = [
        dict(image_id=k, category_id=1, bbox=box, score=score)
        for k in range(NUMBER)
        for box, score in ((boxes[k], CAR), ([250, 90, 50, 30], GHOST))
    ]
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    (tmp_path / 'x.bbox.json').write_text(json.dumps(found))
    return str(tmp_path / 'x.bbox.json'), str(tmp_path / 'truth.json')


def test_the_best_score_is_between_ghosts_and_cars(files):
    found = read_found(*files)
    assert [name for name, _ in found][0] == 'drive_day_1/100_000000000_0'
    assert all(rows.shape == (2, 6) for _, rows in found)
    numbers = tracks_by_score(found, files[1])
    # With the ghost, as many false alarms as boxes; without the car, nothing.
    assert numbers[.4]['MOTA'] == pytest.approx(0)
    assert numbers[.45]['MOTA'] == pytest.approx(100)
    assert numbers[.75]['MOTA'] == pytest.approx(0)
    # Of 0.45 to 0.70, which are equally good, the surest.
    assert best_score(numbers) == .7
    # It is what a test measures with this score.
    metric = DriveTrackMetric(files[1], start_score=.7)
    assert metric.compute_metrics(found) == numbers[.7]


def test_parts_and_other_scores(files):
    found = read_found(*files)
    numbers = tracks_by_score(found, files[1], [.3, .5], dict(day='_day_'))
    assert list(numbers) == [.3, .5]
    assert numbers[.5]['day_MOTA'] == pytest.approx(100)
    with pytest.raises(ConfigError, match='start_score=0'):
        tracks_by_score(found, files[1], [0])


def test_a_file_of_another_split_is_named(files, tmp_path):
    other = json.loads((tmp_path / 'truth.json').read_text())
    other['images'] = other['images'][:3]
    other['annotations'] = other['annotations'][:3]
    (tmp_path / 'other.json').write_text(json.dumps(other))
    with pytest.raises(CorruptSampleError, match='x.bbox.*image_id 3'):
        read_found(files[0], str(tmp_path / 'other.json'))
    with pytest.raises(CorruptSampleError, match='truth.json.*expected a li'):
        read_found(files[1], files[1])


def test_the_command(files, repo, run_python, tmp_path):
    tool = repo / 'tools/analysis_tools/tune_tracker.py'
    done = run_python(tool, *files, '--test', *files)
    best = [line for line in done.stdout.splitlines() if line.endswith('*')]
    assert [line.split()[:2] for line in best] == [['0.70', '100.0']]
    assert 'start_score=0.7, …)' in done.stdout
    assert done.stdout.splitlines()[-1].split()[0] == '100.0'
    for arguments, message in (([tmp_path / 'x.jsn', files[1]], 'no file'),
                               ([files[1], files[1]], 'error: ')):
        done = run_python(tool, *arguments, check=False)
        assert done.returncode and 'Traceback' not in done.stderr
        assert message in done.stderr
