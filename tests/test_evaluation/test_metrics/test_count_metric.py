"""Counts of vehicles against true ones."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.evaluation.metrics import CountMetric
from mmxkd.registry import METRICS

# Predicted and true; the last class of four is "3 or more".
DAY = [(0, 0), (1, 0), (3, 5), (2, 3), (1, 1)]
NIGHT = [(0, 2), (2, 2), (0, 4)]


def frames(counts=(*DAY, *NIGHT)):
    samples = []
    for i, (predicted, true) in enumerate(counts):
        part = 'day' if i < len(DAY) else 'night'
        sample = DetDataSample(metainfo=dict(
            img_path=f'drive_{part}_/{i}.jpg'))
        sample.pred_count = predicted
        sample.count_scores = torch.zeros(4)
        sample.gt_instances = InstanceData(bboxes=torch.zeros(true, 4))
        samples.append(sample.to_dict())
    return samples


def run(metric, samples):
    metric.process({}, samples[:3])
    metric.process({}, samples[3:])
    return metric.evaluate(len(samples))


def test_numbers_by_hand():
    found = run(
        METRICS.build(
            dict(type='mmxkd.CountMetric', truth='three teachers',
                 parts=dict(day='_day_', night='_night_'))), frames())
    assert found == {
        'count/accuracy': pytest.approx(100 * 4 / 8),
        # 3, 3 and 3: those of 5, 3 and 4.
        'count/most_frequent': pytest.approx(100 * 3 / 8),
        'count/mean_absolute_error': pytest.approx((1 + 1 + 2 + 3) / 8),
        'count/day_accuracy': pytest.approx(60),
        'count/day_most_frequent': pytest.approx(40),
        'count/day_mean_absolute_error': pytest.approx(2 / 5),
        'count/night_accuracy': pytest.approx(100 / 3),
        'count/night_most_frequent': pytest.approx(200 / 3),
        'count/night_mean_absolute_error': pytest.approx(5 / 3),
    }
    assert all(type(value) is float for value in found.values())


def test_against_a_slow_form():
    rng = np.random.default_rng(0)
    counts = [(int(p), int(t)) for p, t in zip(rng.integers(
        0, 4, 50), rng.integers(0, 7, 50), strict=True)]
    found = run(CountMetric('truth'), frames(counts))
    capped = [(p, min(t, 3)) for p, t in counts]
    assert found['count/accuracy'] == pytest.approx(
        2 * sum(p == t for p, t in capped))
    assert found['count/mean_absolute_error'] == pytest.approx(
        sum(abs(p - t) for p, t in capped) / 50)
    most = max(sum(t == n for _, t in capped) for n in range(4))
    assert found['count/most_frequent'] == pytest.approx(2 * most)


def test_parts_that_cannot_be():
    with pytest.raises(ConfigError, match=r'CountMetric: parts.day=.\('):
        CountMetric('truth', parts=dict(day='('))
    with pytest.raises(ConfigError, match="parts.dusk='_dusk_' matches no"):
        run(CountMetric('truth', parts=dict(dusk='_dusk_')), frames())


@pytest.mark.parametrize('key, message', [
    ('pred_count', "predicted no 'pred_count'; mmxkd.VehicleCounter"),
    ('count_scores', "predicted no 'count_scores'"),
    ('gt_instances', 'predicted no gt_instances'),
    ('img_path', "none of 'img_path'"),
])
def test_samples_that_lack_something(key, message):
    lacking = {k: v for k, v in frames()[0].items() if k != key}
    with pytest.raises(ConfigError, match=message):
        CountMetric('truth').process({}, [lacking])


def test_teachers_who_wrote_the_boxes_are_told(monkeypatch):
    told = []
    monkeypatch.setattr('mmxkd.evaluation.metrics.count_metric.print_log',
                        lambda text, **_: told.append(text))
    run(CountMetric('synthetic drives'),
        [dict(s, boxes_written_by=('rgb', )) for s in frames()])
    assert told == [
        'CountMetric: counted boxes are of: the teachers rgb, who wrote the '
        'file; 8 frames'
    ]
