"""The metrics of sound: from data samples to published numbers."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.evaluation.metrics import SoundDetectionMetric, TrackMetric
from mmxkd.registry import METRICS


@pytest.fixture(scope='module')
def frames(shared_data):
    """Samples of the published frames, and all numbers of the file."""
    golden = np.load(shared_data / 'mm_distillnet_golden/metric.npz',
                     allow_pickle=False)
    samples = []
    for i, (found, n, true, m) in enumerate(
            zip(golden['pred'], golden['n_pred'], golden['gt'], golden['n_gt'],
                strict=True)):
        sample = DetDataSample(metainfo=dict(
            img_path=f'drive_{"day" if i < 9 else "night"}_/'
            f'{i}.jpg', ori_shape=(768, 768)))
        found, true = torch.from_numpy(found[:n]), torch.from_numpy(true[:m])
        sample.pred_instances = InstanceData(bboxes=found[:, :4],
                                             scores=found[:, 4],
                                             labels=found[:, 5].long())
        sample.gt_instances = InstanceData(bboxes=HorizontalBoxes(true[:, :4]),
                                           labels=true[:, 4].long())
        samples.append(sample.to_dict())
    return samples, golden


def run(metric, samples) -> dict:
    metric.process({}, samples[:4])
    metric.process({}, samples[4:])
    return metric.evaluate(len(samples))


def test_golden(frames):
    samples, golden = frames
    metric = METRICS.build(
        dict(type='mmxkd.SoundDetectionMetric', truth='teachers',
             as_published=True))
    found = run(metric, samples)
    expected = golden['headline_percent_apavg_ap50_ap75_cdx_cdy']
    np.testing.assert_allclose([
        found[f'sound/{key}'] for key in ('AP', 'AP50', 'AP75', 'CDx', 'CDy')
    ], expected, rtol=1e-6)
    centres = run(SoundDetectionMetric('teachers'), samples)
    for axis in 'xy':
        mean = golden[f'centre_cd{axis}_per_gt_frame'].mean()
        assert centres[f'sound/CD{axis}'] == pytest.approx(
            100 * mean, rel=1e-5)


def test_parts_are_the_frames_that_match(frames):
    samples, _ = frames
    whole = run(
        SoundDetectionMetric('truth', parts=dict(day='_day_',
                                                 night='_night_')), samples)
    for name, part in (('day', samples[:9]), ('night', samples[9:])):
        alone = run(SoundDetectionMetric('truth'), part)
        for key, value in alone.items():
            assert whole[key.replace('/', f'/{name}_')] == value
    with pytest.raises(ConfigError, match="parts.dusk='_dusk_' matches no"):
        run(SoundDetectionMetric('truth', parts=dict(dusk='_dusk_')), samples)
    with pytest.raises(ConfigError, match=r'parts.day=.\('):
        SoundDetectionMetric('truth', parts=dict(day='('))


def test_options(frames):
    samples, _ = frames
    all_found = run(SoundDetectionMetric('truth', score_thr=0.9), samples)
    assert all_found['sound/recall'] < run(SoundDetectionMetric('truth'),
                                           samples)['sound/recall']
    double = run(SoundDetectionMetric('truth', size=(1536, 768)), samples)
    plain = run(SoundDetectionMetric('truth'), samples)
    assert double['sound/CDx'] == pytest.approx(plain['sound/CDx'] / 2)
    assert double['sound/CDy'] == pytest.approx(plain['sound/CDy'])


def test_the_order_of_predictions_is_their_score(frames):
    samples, _ = frames
    mixed = []
    for sample in samples:
        found = sample['pred_instances']
        order = torch.arange(len(found['scores'])).flip(0)
        mixed.append(
            dict(sample,
                 pred_instances={k: v[order] for k, v in found.items()}))
    assert run(SoundDetectionMetric('truth'),
               mixed) == run(SoundDetectionMetric('truth'), samples)


def test_samples_that_lack_something(frames):
    (sample, *_), _ = frames
    for key, message in (('img_path', "none of 'img_path', 'audio_path'"),
                         ('gt_instances', 'predicted no gt_instances'),
                         ('ori_shape', "no 'ori_shape'")):
        lacking = {k: v for k, v in sample.items() if k != key}
        with pytest.raises(ConfigError, match=message):
            SoundDetectionMetric('truth').process({}, [lacking])
    heard = {k: v for k, v in sample.items() if k != 'img_path'}
    metric = SoundDetectionMetric('truth')
    metric.process({}, [dict(heard, audio_paths=['a_0.mp3', 'a_1.mp3'])])
    assert metric.results[0][0] == 'a_0.mp3'


@pytest.mark.parametrize('wrong, message', [
    (dict(score_thr='0.3'), "score_thr='0.3', expected a number from 0 to 1"),
    (dict(score_thr=30), 'score_thr=30, expected a number from 0 to 1'),
    (dict(score_thr=float('nan')), 'score_thr=nan, expected a number'),
    (dict(size=768), 'size=768, expected width and height'),
    (dict(size=(768, 0)), 'height of size=0, expected a number above 0'),
    (dict(parts='day'), "parts='day', expected a dict such as"),
    (dict(parts=['day']), r"parts=\['day'\], expected a dict"),
    (dict(parts=dict(day=5)), 'parts.day=5: '),
])
def test_options_that_cannot_be(wrong, message):
    with pytest.raises(ConfigError, match=f'SoundDetectionMetric: {message}'):
        SoundDetectionMetric('truth', **wrong)


def test_a_head_of_other_classes_than_the_data(frames):
    """Its AP would be 0, whatever it has learned."""
    (sample, *_), _ = frames
    other = dict(
        sample, pred_instances=dict(
            sample['pred_instances'],
            labels=torch.full_like(sample['pred_instances']['labels'], 6)))
    metric = SoundDetectionMetric('truth')
    metric.dataset_meta = dict(classes=('car', ))
    with pytest.raises(
            ConfigError, match=r"0.jpg: the model predicts class 6, but the "
            r"data set has 1: \('car',\); is num_classes"):
        metric.process({}, [other])
    metric.dataset_meta = dict(classes=tuple('abcdefg'))
    metric.process({}, [other])
    assert len(metric.results) == 1


def test_frames_of_which_none_has_a_true_box(frames):
    (sample, *_), _ = frames
    bare = dict(
        sample, gt_instances=dict(bboxes=torch.zeros(0, 4),
                                  labels=torch.zeros(0).long()))
    metric = SoundDetectionMetric('three teachers')
    metric.process({}, [bare, bare])
    with pytest.raises(
            ConfigError, match='none of 2 frames has a true box.*'
            'of: three teachers'):
        metric.evaluate(2)


def test_golden_tracks(shared_data):
    golden = np.load(shared_data / 'mm_distillnet_golden/tracking.npz',
                     allow_pickle=False)
    samples = []
    for video in range(3):
        tables = [
            golden[f'seq{video}_gt_frame_id_xyxy'],
            golden[f'seq{video}_pred_frame_id_xyxy_score']
        ]
        for frame in range(40):
            true, found = (torch.from_numpy(t[t[:, 0] == frame])
                           for t in tables)
            sample = DetDataSample(
                metainfo=dict(video_id=video, frame_id=frame))
            sample.gt_instances = InstanceData(bboxes=true[:, 2:6],
                                               instances_ids=true[:, 1],
                                               labels=torch.zeros(len(true)))
            sample.pred_track_instances = InstanceData(
                bboxes=found[:, 2:6], instances_id=found[:, 1],
                labels=torch.zeros(len(found)))
            samples.append(sample.to_dict())
    names = [str(n) for n in golden['metric_names']]
    values = dict(
        zip(names, golden['values_seq0_seq1_seq2_overall'][3], strict=True))
    # The order of frames of several processes is not that of time.
    rng = np.random.default_rng(0)
    found = run(METRICS.build(dict(type='mmxkd.TrackMetric')), samples)
    for key, name, scale in (('MOTA', 'mota', 100), ('MOTP', 'motp', 100),
                             ('IDF1', 'idf1', 100), ('IDP', 'idp', 100),
                             ('IDR', 'idr', 100), ('switches', 'num_switches',
                                                   1),
                             ('fragmentations', 'num_fragmentations', 1),
                             ('false_positives', 'num_false_positives', 1),
                             ('misses', 'num_misses', 1), ('mostly_lost',
                                                           'mostly_lost', 1),
                             ('frames', 'num_frames', 1)):
        assert found[f'track/{key}'] == pytest.approx(scale * values[name],
                                                      rel=1e-9)
    shuffled = [samples[i] for i in rng.permutation(len(samples))]
    again = run(TrackMetric(), shuffled)
    assert again == pytest.approx(found)
    nobody = run(TrackMetric(labels=[1]), samples)
    assert nobody['track/misses'] == 0 and np.isnan(nobody['track/MOTA'])
    with pytest.raises(ConfigError, match="no 'video_id'"):
        TrackMetric().process(
            {}, [{k: v for k, v in samples[0].items() if k != 'video_id'}])
    with pytest.raises(ConfigError, match='iou_thr=0'):
        TrackMetric(iou_thr=0)


def test_teachers_who_wrote_the_boxes_are_told(frames, monkeypatch):
    """The config's word is of another file then."""
    told = []
    monkeypatch.setattr(
        'mmxkd.evaluation.metrics.sound_detection_metric.print_log',
        lambda text, **_: told.append(text))
    samples, _ = frames
    run(SoundDetectionMetric('synthetic drives'), samples)
    run(SoundDetectionMetric('synthetic drives'),
        [dict(s, boxes_written_by=('thermal', 'rgb')) for s in samples])
    assert told == [
        'SoundDetectionMetric: true boxes are of: '
        f'{whose}; {len(samples)} frames'
        for whose in ('synthetic drives',
                      'the teachers rgb, thermal, who wrote the file')
    ]
