"""A detector and ByteTrack: detections of known faults, counts by hand."""
import importlib.util
import json

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.evaluation.metrics import DriveTrackMetric
from mmxkd.evaluation.metrics.following import build_tracker, follow
from mmxkd.registry import METRICS
from mmxkd.synthetic import DriveSettings, rasterize
from mmxkd.synthetic.drives.annotate import annotate_drive
from mmxkd.synthetic.drives.rig import drive_camera
from mmxkd.synthetic.drives.sampler import sample_drive
from mmxkd.synthetic.drives.truth import drive_truth, join_truth
from mmxkd.synthetic.drives.writer import frame_ids
from tests.helpers.perfect_tracks import perfect_tracks

FRAMES = 10
DRIVES = ('drive_day_1', 'drive_night_2')


def frame_id(drive, number):
    return f'{drive}/{100 + number // 5}_{number % 5 * 200000000:09d}_0'


def true_boxes(number):
    """Two cars on two lanes: they pass each other. One enters late."""
    boxes = {
        1: (20 + 12. * number, 40., 80 + 12. * number, 70.),
        2: (200 - 10. * number, 80., 270 - 10. * number, 120.)
    }
    if number >= 4:
        boxes[3] = (5. + 9 * (number - 4), 5., 45. + 9 * (number - 4), 25.)
    return boxes


@pytest.fixture(scope='module')
def truth(tmp_path_factory):
    images, annotations = [], []
    # The file need not be in the order of time.
    for drive in DRIVES:
        for number in reversed(range(FRAMES)):
            images.append(
                dict(id=len(images), file_name=f'{drive}/{number}.jpg',
                     width=320, height=128, frame_id=frame_id(drive, number)))
            for track, (x1, y1, x2, y2) in true_boxes(number).items():
                annotations.append(
                    dict(id=len(annotations), image_id=images[-1]['id'],
                         category_id=1, bbox=[x1, y1, x2 - x1, y2 - y1],
                         area=(x2 - x1) * (y2 - y1), iscrowd=0,
                         instance_id=track))
    path = tmp_path_factory.mktemp('truth') / 'truth.json'
    path.write_text(
        json.dumps(
            dict(images=images, annotations=annotations,
                 categories=[dict(id=1, name='car')])))
    return path


def sample(drive, number, boxes, score=.9):
    rows = torch.tensor([[*b, score] for b in boxes]).reshape(-1, 5)
    found = DetDataSample(metainfo=dict(frame_id=frame_id(drive, number)))
    found.pred_instances = InstanceData(bboxes=rows[:, :4], scores=rows[:, 4],
                                        labels=torch.zeros(len(rows)).long())
    return found.to_dict()


def perfect():
    return {(drive, number): list(true_boxes(number).values())
            for drive in DRIVES for number in range(FRAMES)}


def measured(truth, detections, order=None, **options):
    metric = METRICS.build(
        dict(type='mmxkd.DriveTrackMetric', ann_file=str(truth), **options))
    samples = [sample(*key, boxes) for key, boxes in detections.items()]
    metric.process({}, [samples[i]
                        for i in order] if order is not None else samples)
    return {
        k.removeprefix('track/'): v
        for k, v in metric.evaluate(len(samples)).items()
    }


def test_perfect_detections_are_perfect_tracks(truth):
    found = measured(truth, perfect())
    assert (found['MOTA'], found['IDF1'], found['MOTP']) == pytest.approx(
        (100, 100, 0), abs=1e-4)
    assert (found['switches'], found['fragmentations'], found['misses'],
            found['false_positives']) == (0, 0, 0, 0)
    assert (found['mostly_tracked'], found['frames']) == (6, 20)
    order = np.random.default_rng(0).permutation(20)
    assert measured(truth, perfect(), order) == found


def test_a_frame_without_one_car_is_a_gap_not_a_switch(truth):
    """Of 52 boxes, 1 is missed. The Kalman filter finds the car again."""
    detections = perfect()
    detections[DRIVES[0], 5] = detections[DRIVES[0], 5][1:]
    found = measured(truth, detections)
    assert (found['misses'], found['fragmentations'],
            found['switches']) == (1, 1, 0)
    assert found['MOTA'] == pytest.approx(100 * (1 - 1 / 52))
    assert found['IDF1'] == pytest.approx(100 * 2 * 51 / (52 + 51))


def test_a_frame_without_detections(truth):
    detections = perfect()
    detections[DRIVES[0], 6] = []
    found = measured(truth, detections)
    assert (found['misses'], found['fragmentations']) == (3, 3)
    assert found['MOTA'] == pytest.approx(100 * (1 -
                                                 (3 + found['switches']) / 52))


def test_false_alarms_and_jumps_count(truth):
    detections = perfect()
    detections[DRIVES[1],
               3] = [*detections[DRIVES[1], 3], (280., 5., 310., 30.)]
    found = measured(truth, detections)
    assert found['false_positives'] == 1
    assert found['MOTA'] == pytest.approx(100 * (1 - 1 / 52))
    # A tracker whose tracks end at once: the car has a new one.
    detections = perfect()
    detections[DRIVES[0], 5] = detections[DRIVES[0], 5][1:]
    short = dict(type='ByteTracker', motion=dict(type='KalmanFilter'),
                 num_frames_retain=1)
    found = measured(truth, detections, tracker=short)
    assert (found['switches'], found['misses']) == (1, 1)
    assert found['MOTA'] == pytest.approx(100 * (1 - 2 / 52))


def test_parts_are_drives(truth):
    detections = perfect()
    for number in range(FRAMES):
        detections[DRIVES[1], number] = []
    found = measured(truth, detections, parts=dict(day='_day_',
                                                   night='_night_'))
    assert found['day_MOTA'] == pytest.approx(100)
    assert (found['night_MOTA'], found['night_misses']) == (0, 26)
    assert found['MOTA'] == pytest.approx(50)
    day = {k: v for k, v in perfect().items() if k[0] == DRIVES[0]}
    assert measured(truth, day)['frames'] == 10
    with pytest.raises(ConfigError, match="parts.night='_night_' matches no"):
        measured(truth, day, parts=dict(night='_night_'))


def test_a_weak_detection_keeps_a_track_and_starts_none():
    """What ByteTrack is for; and each call starts anew."""
    tracker = build_tracker()
    car = [(10. + 5 * k, 10., 60. + 5 * k, 40.) for k in range(4)]

    def rows(scores):
        return [
            np.array([[*box, score, 0]])
            for box, score in zip(car, scores, strict=True)
        ]

    for _ in range(2):
        tracks = follow(tracker, rows([.9, .9, .2, .9]))
        assert [t[:, 0].tolist() for t in tracks] == [[0], [0], [0], [0]]
        np.testing.assert_allclose(tracks[2][0, 1:6], [*car[2], .2], rtol=1e-6)
    assert [len(t) for t in follow(tracker, rows([.2] * 4))] == [0] * 4


def test_tracks_start_at_a_score(truth):
    """Sure ghosts beside surer cars: no track starts at a ghost's score."""
    metric = METRICS.build(
        dict(type='mmxkd.DriveTrackMetric', ann_file=str(truth)))
    usual = metric.tracker
    assert (usual.init_track_thr, usual.obj_score_thrs['high']) == (.4, .3)
    ghost = (290., 5., 315., 30.)
    for start, alarms in ((None, 20), (.6, 0)):
        metric = DriveTrackMetric(str(truth), start_score=start)
        for key, boxes in perfect().items():
            found = sample(*key, [*boxes, ghost])
            found['pred_instances']['scores'][-1] = .5
            metric.process({}, [found])
        numbers = metric.evaluate(20)
        assert numbers['track/false_positives'] == alarms
        assert numbers['track/misses'] == 0
    tracker = DriveTrackMetric(str(truth), start_score=.6).tracker
    assert tracker.obj_score_thrs == pytest.approx(dict(high=.6, low=.2))
    for score in (0, 1.1, float('nan'), '0.5'):
        with pytest.raises(ConfigError, match='start_score=.*above 0'):
            DriveTrackMetric(str(truth), start_score=score)
    with pytest.raises(ConfigError, match='start_score=0.5 is of the usual'):
        DriveTrackMetric(str(truth), dict(type='ByteTracker'), start_score=.5)


def test_what_is_missing_is_named(truth, tmp_path, monkeypatch):
    part = perfect()
    del part[DRIVES[0], 3]
    with pytest.raises(
            ConfigError, match='1 of 10 frames of drive_day_1 .* '
            'drive_day_1/100_600000000_0'):
        measured(truth, part)
    metric = DriveTrackMetric(str(truth))
    lost = sample('drive_day_9', 0, [])
    with pytest.raises(ConfigError, match="has no frame 'drive_day_9/100_"):
        metric.process({}, [lost])
    with pytest.raises(ConfigError, match='has no frame_id .* found 3'):
        metric.process({}, [dict(lost, frame_id=3)])
    with pytest.raises(ConfigError, match='iou_thr=0'):
        DriveTrackMetric(str(truth), iou_thr=0)
    with pytest.raises(ConfigError, match=r"parts.x='\('"):
        DriveTrackMetric(str(truth), parts=dict(x='('))
    for entry, key, message in (('images', 'frame_id', 'images.0. has no'),
                                ('annotations', 'instance_id',
                                 'annotations.0. has no instance_id')):
        broken = json.loads(truth.read_text())
        del broken[entry][0][key]
        path = tmp_path / f'{key}.json'
        path.write_text(json.dumps(broken))
        with pytest.raises(CorruptSampleError, match=message):
            DriveTrackMetric(str(path))
    for tracker, message in (('ByteTracker', "tracker='ByteTracker', exp"),
                             (dict(motion=dict()), 'tracker={.*expected a'),
                             (dict(type='StrongSORTTracker'), 'boxes alone')):
        with pytest.raises(ConfigError, match=message):
            DriveTrackMetric(str(truth), tracker=tracker)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None
                        if name == 'lap' else find(name))
    with pytest.raises(ModuleNotFoundError,
                       match="lap.*install.sh --with track"):
        DriveTrackMetric(str(truth))


@pytest.mark.parametrize('change, message', [
    (lambda c: c['images'].append(dict(c['images'][0], id=999)),
     'has the frame_id .* of images.0.'),
    (lambda c: c['annotations'].append(dict(c['annotations'][0], id=999)),
     'has the instance_id .* of annotations.0. in the same frame, drive_'),
    (lambda c: c['annotations'][0].update(instance_id=True),
     'annotations.0. has no instance_id'),
])  # yapf: disable
def test_a_truth_that_contradicts_itself(truth, tmp_path, change, message):
    content = json.loads(truth.read_text())
    change(content)
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(content))
    with pytest.raises(CorruptSampleError, match=message):
        DriveTrackMetric(str(path))


def test_a_truth_without_a_box(truth, tmp_path):
    content = json.loads(truth.read_text())
    content['annotations'] = []
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match='none of the .* tested frames has a '
                       'box'):
        measured(path, perfect())


def test_the_truth_of_synthetic_drives_finds_itself(tmp_path):
    settings = DriveSettings(train=2, val=2, test=2, frames=24, interval=.1,
                             seed=2)
    drive, camera = sample_drive(settings, 0), drive_camera(.25)
    boxes = []
    for number in range(settings.frames):
        scene, vehicles = drive.scene(number, number * settings.interval)
        boxes.append(
            annotate_drive(scene, vehicles, rasterize(scene, camera), camera))
    ids = [str(frame) for frame in frame_ids(0, settings)]
    content = join_truth([(0, '{stamp}.jpg',
                           drive_truth(ids, boxes, camera.size))])
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(content))
    numbers = perfect_tracks(str(path))
    assert len(content['annotations']) > 40
    assert numbers['track/misses'] == numbers['track/false_positives'] == 0
    # Ten frames a second overlap enough that nobody is lost.
    assert numbers['track/switches'] == 0
    assert numbers['track/MOTA'] == numbers['track/IDF1'] == 100
