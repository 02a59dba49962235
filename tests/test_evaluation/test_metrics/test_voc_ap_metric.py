"""VOC's metric in mmengine's evaluation loop."""
import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional import evaluate_voc
from mmxkd.evaluation.metrics import VOCAPMetric
from mmxkd.formats.voc import CLASSES


def instances(rows, scored=False):
    """Of rows class, (score,) x1, y1, x2, y2."""
    rows = torch.as_tensor(
        np.asarray(rows, float).reshape(-1, 6 if scored else 5))
    found = InstanceData(labels=rows[:, 0].long(), bboxes=rows[:, -4:])
    if scored:
        found.scores = rows[:, 1]
    return found


def sample(truth=(), difficult=(), detections=(), name='a.jpg'):
    return dict(img_path=name, gt_instances=instances(truth),
                ignored_instances=instances(difficult),
                pred_instances=instances(detections, True))


def score(samples, classes=('cat', 'dog'), **kwargs):
    metric = VOCAPMetric(**kwargs)
    metric.dataset_meta = dict(classes=classes)
    metric.process({}, samples)
    return metric.compute_metrics(metric.results)


CAT, DOG = (0, 0, 0, 10, 10), (1, 0, 0, 10, 10)


def test_scores_by_class():
    found = score([
        sample([CAT, DOG], detections=[(0, .9, 0, 0, 10, 10)]),
        sample(difficult=[CAT], detections=[(0, .95, 0, 0, 10, 10),
                                            (1, .2, 0, 0, 9, 9)])
    ])
    assert found == {'mAP': .5, 'AP_cat': pytest.approx(1), 'AP_dog': 0.0}


def test_legacy():
    found = score([sample([CAT, DOG], detections=[(0, .9, 0, 0, 10, 10)])],
                  legacy=True)
    assert found['AP_dog'] == -1
    assert found['mAP'] == pytest.approx((found['AP_cat'] - 1) / 2)


def test_a_class_without_objects_is_not_in_the_mean():
    found = score([sample([CAT], detections=[(1, .9, 0, 0, 9, 9)])])
    assert found == {'mAP': 0.0, 'AP_cat': 0.0}


def test_ssd_golden_through_the_loop(shared_data):
    """As functions have it, through the evaluator of mmengine."""
    with np.load(shared_data / 'ssd_golden/voc_ap.npz') as file:
        truth, detections, number = (file[key]
                                     for key in ('gt_img_cls_difficult_xyxy0',
                                                 'det_img_cls_score_xyxy0',
                                                 'n_images'))
    evaluator = Evaluator(VOCAPMetric(average='area'))
    evaluator.dataset_meta = dict(classes=CLASSES)
    for image in range(int(number[0])):
        own = truth[truth[:, 0] == image]
        columns = [1, 3, 4, 5, 6]
        evaluator.process([
            sample(own[own[:, 2] == 0][:, columns],
                   own[own[:, 2] == 1][:, columns],
                   detections[detections[:, 0] == image][:, 1:])
        ])
    found = evaluator.evaluate(int(number[0]))
    expected = evaluate_voc(truth, detections, 20, 'area')
    assert found['pascal_voc/mAP'] == pytest.approx(expected.mean, abs=1e-12)
    for name, ap in zip(CLASSES, expected.ap, strict=True):
        value = found.get(f'pascal_voc/AP_{name}', np.nan)
        assert value == pytest.approx(ap, abs=1e-12, nan_ok=True)


def test_refused():
    with pytest.raises(ConfigError, match="average='11point'.*'11points'"):
        VOCAPMetric(average='11point')
    with pytest.raises(ConfigError, match='min_overlap=50, expected an IoU'):
        VOCAPMetric(min_overlap=50)
    with pytest.raises(ConfigError, match='no picture was predicted'):
        VOCAPMetric().compute_metrics([])
    with pytest.raises(ConfigError, match='none of 1 pictures has an object'):
        score([sample(difficult=[CAT])])
    with pytest.raises(ConfigError, match='says no classes'):
        score([sample([CAT])], classes=())
    bare = sample([CAT])
    del bare['ignored_instances']
    with pytest.raises(ConfigError, match='no ignored_instances.*behind Resi'):
        score([bare])
    with pytest.raises(ValueError, match=r'b.jpg: detection 0 .*scores = nan'):
        score([
            sample([CAT], detections=[(0, np.nan, 0, 0, 1, 1)], name='b.jpg')
        ])
