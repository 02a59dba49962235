import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.evaluation.metrics import KittiMetric2D
from mmxkd.formats.kitti import read_labels, read_results, write_labels
from tests.helpers.kitti_scenes import (
    META,
    WIDTH,
    run,
    samples_2d,
    scene,
    write_infos,
)


@pytest.fixture(scope='module')
def labels():
    return scene()[0]


@pytest.fixture(scope='module')
def detections():
    """Of a detector that knows no angle: what it gives, and nothing else."""
    found = scene()[1]
    unknown = np.full(len(found), -1.)
    return replace(found, alpha=10 * unknown, rotation_y=10 * unknown,
                   dimensions=np.full((len(found), 3), -1.), location=np.full(
                       (len(found), 3), -1000.))


@pytest.fixture(scope='module')
def label_dir(labels, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp('label_2')
    write_labels(folder, labels)
    return str(folder)


def expected(labels, detections, classes=('Car', 'Pedestrian', 'Cyclist')):
    scalars = evaluate(labels, detections, classes, ('bbox', )).scalars()
    return {f'kitti/{key}': value for key, value in scalars.items()}


def test_scores_are_those_of_the_evaluator(labels, detections, label_dir):
    found = run(KittiMetric2D(label_dir), samples_2d(detections))
    assert found == expected(labels, detections)
    assert 20 < found['kitti/Car_bbox_AP40_moderate_strict'] < 100
    assert not any('aos' in key.lower() for key in found)


def test_the_order_of_frames_does_not_matter(labels, detections, label_dir):
    samples = samples_2d(detections)
    random.Random(0).shuffle(samples)
    found = run(KittiMetric2D(label_dir), samples, batch=7)
    assert found == expected(labels, detections)


def test_a_part_of_the_frames(labels, detections, label_dir, logged):
    ids = detections.frame_ids[3::2]
    found = run(KittiMetric2D(label_dir),
                samples_2d(detections.of_frames(ids)))
    assert found == expected(labels.of_frames(ids), detections.of_frames(ids))
    assert any(f'{len(ids)} frames that were predicted, of 60' in text
               for text in logged)


def test_infos_hold_the_same_labels(detections, label_dir, labels, tmp_path):
    infos = write_infos(tmp_path / 'kitti_infos_val.json', labels)
    samples = samples_2d(detections)
    assert run(KittiMetric2D(ann_file=infos),
               samples) == run(KittiMetric2D(label_dir), samples)


def test_a_metric_is_used_again(detections, label_dir):
    metric = KittiMetric2D(label_dir)
    samples = samples_2d(detections)
    assert run(metric, samples) == run(metric, samples)


def test_mmdets_own_samples(labels, detections, label_dir):
    """Through mmengine's evaluator, which turns them into dictionaries."""
    from mmdet.structures import DetDataSample
    from mmengine.evaluator import Evaluator
    from mmengine.structures import InstanceData
    evaluator = Evaluator(dict(type='mmxkd.KittiMetric2D',
                               label_dir=label_dir))
    evaluator.dataset_meta = META
    for sample in samples_2d(detections):
        instances = InstanceData(**sample.pop('pred_instances'))
        data_sample = DetDataSample(metainfo=sample)
        data_sample.pred_instances = instances
        evaluator.process([data_sample])
    assert evaluator.evaluate(60) == expected(labels, detections)


def test_boxes_are_clipped_to_the_last_pixel(labels, detections, label_dir,
                                             tmp_path):
    samples = samples_2d(detections)
    for sample in samples:
        boxes = sample['pred_instances']['bboxes']
        boxes[boxes == 0] -= 40.  # clipped boxes may have ended anywhere
        boxes[boxes == WIDTH - 1] += 0.9
    metric = KittiMetric2D(label_dir, submission_prefix=str(tmp_path))
    assert run(metric, samples) == expected(labels, detections)
    boxes = read_results(tmp_path / 'data').bbox
    assert boxes.min() == 0 and boxes[:, 2].max() == WIDTH - 1


def test_classes_of_a_detector(labels, detections, label_dir, logged):
    """Names in any case; a class less; one that KITTI does not evaluate."""
    meta = dict(classes=('walker', 'cyclist', 'car', 'Truck'))
    found = run(KittiMetric2D(label_dir), samples_2d(detections), meta)
    known = detections.name != 'Pedestrian'
    columns = {
        key: getattr(detections, key)[known]
        for key in ('frame', 'name', 'truncated', 'occluded', 'alpha', 'bbox',
                    'dimensions', 'location', 'rotation_y', 'score')
    }
    assert found == expected(labels, replace(detections, **columns),
                             ('Car', 'Cyclist'))
    assert any(f'{(~known).sum()} not counted: of classes that KITTI does '
               'not evaluate' in text for text in logged)


def test_one_class_of_a_detector_of_three(labels, detections, label_dir):
    """The others are still there: small ones may hide an object."""
    found = run(KittiMetric2D(label_dir, classes=['Car']),
                samples_2d(detections))
    assert found == expected(labels, detections, ('Car', ))


def test_few_objects_are_warned_about(detections, label_dir, logged):
    run(KittiMetric2D(label_dir),
        samples_2d(detections.of_frames(detections.frame_ids[:4])))
    assert any('fewer than 41' in text for text in logged)
    assert any('n_gt' in text and 'AP_R40 @0.70 (strict)' in text
               for text in logged)


@pytest.mark.parametrize('meta', [dict(classes=('person', 'dog')), {}])
def test_a_detector_of_other_things(label_dir, meta):
    metric = KittiMetric2D(label_dir)
    with pytest.raises(ConfigError, match='none of the classes.*Pedestrian'):
        metric.dataset_meta = meta


def test_a_class_that_is_not_there(label_dir):
    metric = KittiMetric2D(label_dir, classes=['Cyclist'])
    with pytest.raises(ConfigError, match="no 'Cyclist'"):
        metric.dataset_meta = dict(classes=('Car', ))


@pytest.mark.parametrize(
    'key, value, message',
    [('scores', float('nan'), r'frame 000007: detection 1 has .*scores'),
     ('bboxes', float('inf'), r'frame 000007: detection 1 has .*bboxes'),
     ('bboxes', torch.tensor([9., 9., 4., 20.]),
      r'frame 000007: detection 1 has a negative size: .*\[9.0, 9.0, 4.0'),
     ('labels', 4, 'frame 000007: the label 4 .* 4 classes'),
     ('labels', -1, 'frame 000007: the label -1 ')])
def test_bad_predictions(detections, label_dir, key, value, message):
    samples = samples_2d(detections)[:3]
    samples[1]['pred_instances'][key][1] = value
    with pytest.raises(ValueError, match=message):
        run(KittiMetric2D(label_dir), samples)


def test_a_frame_twice(detections, label_dir):
    samples = samples_2d(detections)
    with pytest.raises(ValueError, match='frame 000021 was predicted twice'):
        run(KittiMetric2D(label_dir), [*samples, samples[3]])


def test_what_a_sampler_repeats_at_the_end_is_cut(labels, detections,
                                                  label_dir):
    samples = samples_2d(detections)
    metric = KittiMetric2D(label_dir)
    metric.dataset_meta = META
    metric.process(None, [*samples, samples[0]])
    assert metric.evaluate(len(samples)) == expected(labels, detections)


@pytest.mark.parametrize('source', ['label_dir', 'ann_file'])
def test_a_frame_without_ground_truth(detections, labels, label_dir, tmp_path,
                                      source):
    samples = samples_2d(detections)
    samples[2]['img_path'] = 'image_2/000015.png'
    given = dict(label_dir=label_dir) if source == 'label_dir' else dict(
        ann_file=write_infos(tmp_path / 'infos.json', labels))
    with pytest.raises(ConfigError, match="'000015'.*did you mean '0000"):
        run(KittiMetric2D(**given), samples)


@pytest.mark.parametrize('key', ['img_path', 'ori_shape', 'pred_instances'])
def test_incomplete_samples(detections, label_dir, key):
    samples = samples_2d(detections)
    del samples[0][key]
    with pytest.raises(ConfigError, match=key):
        run(KittiMetric2D(label_dir), samples)


def test_no_frames(label_dir):
    with pytest.raises(ConfigError, match='no frame'):
        run(KittiMetric2D(label_dir), [])


def test_no_detection_at_all(labels, detections, label_dir):
    samples = samples_2d(detections)
    for sample in samples:
        sample['pred_instances'] = dict(
            bboxes=torch.zeros(0, 4), scores=torch.zeros(0),
            labels=torch.zeros(0, dtype=torch.long))
    found = run(KittiMetric2D(label_dir), samples)
    assert found['kitti/Car_bbox_AP40_moderate_strict'] == 0
    assert not any('aos' in key for key in found)
    assert all(np.isfinite(list(found.values())))


def test_a_submission_scores_the_same(labels, detections, label_dir, tmp_path):
    metric = KittiMetric2D(label_dir, submission_prefix=str(tmp_path))
    samples = samples_2d(detections)
    found = run(metric, samples)
    files = sorted((tmp_path / 'data').iterdir())
    assert [f.stem for f in files] == list(detections.frame_ids)
    assert files[0].read_text() == ''
    again = evaluate(read_labels(label_dir), read_results(tmp_path / 'data'),
                     metrics=('bbox', ))
    assert found == {f'kitti/{k}': v for k, v in again.scalars().items()}
    # The next epoch takes the place of this one.
    run(metric, samples)
    assert len(list((tmp_path / 'data').iterdir())) == len(files)


def test_a_submission_needs_no_ground_truth(detections, tmp_path):
    metric = KittiMetric2D(format_only=True, submission_prefix=str(tmp_path))
    assert run(metric, samples_2d(detections)) == {}
    assert len(read_results(tmp_path / 'data')) == len(detections)


def test_results_of_other_frames_are_left_alone(detections, tmp_path):
    (tmp_path / 'data').mkdir()
    other = tmp_path / 'data/000001.txt'
    other.write_text('mine')
    metric = KittiMetric2D(format_only=True, submission_prefix=str(tmp_path))
    with pytest.raises(ConfigError, match='1 frames .*000001.txt'):
        run(metric, samples_2d(detections))
    assert list((tmp_path / 'data').iterdir()) == [other]
    assert other.read_text() == 'mine'


@pytest.mark.parametrize('arguments, message', [
    (dict(), 'expected ground truth'),
    (dict(format_only=True), 'needs submission_prefix'),
    (dict(label_dir='nowhere'), 'no folder nowhere'),
    (dict(ann_file='nowhere.json'), 'no file nowhere.json'),
    (dict(ann_file='infos.pkl'), 'runs code'),
    (dict(label_dir='.', classes=['Cart']), "'Cart'; did you mean 'Car'"),
    (dict(label_dir='.', classes='Car'), 'expected a list'),
    (dict(label_dir='.', classes=['Car', 'Car']), 'each name once'),
])
def test_bad_arguments(arguments, message):
    with pytest.raises(ConfigError, match=message):
        KittiMetric2D(**arguments)


def test_a_folder_without_labels(tmp_path):
    with pytest.raises(ConfigError, match='no label file in'):
        KittiMetric2D(str(tmp_path))


def test_turned_boxes(detections, label_dir):
    sample = samples_2d(detections)[1]
    found = sample['pred_instances']
    found['bboxes'] = torch.rand(len(found['scores']), 5)
    with pytest.raises(ConfigError, match=r'frame 000007: .*\(N, 4\), got'):
        run(KittiMetric2D(label_dir), [sample])


def test_two_kinds_of_ground_truth(labels, label_dir, tmp_path):
    infos = write_infos(tmp_path / 'infos.json', labels)
    with pytest.raises(ConfigError, match='got both'):
        KittiMetric2D(label_dir, ann_file=infos)


def test_the_key_of_the_best_checkpoint(detections, label_dir, tmp_path):
    """mmengine takes the keys for ``save_best``."""
    from mmengine.hooks import CheckpointHook
    found = run(KittiMetric2D(label_dir), samples_2d(detections))
    key = 'kitti/Car_bbox_AP40_moderate_strict'
    assert key in found
    hook = CheckpointHook(save_best=key, rule='greater')
    assert hook.key_indicators == [key]


def test_the_test_split_has_no_labels(detections, labels, tmp_path):
    path = tmp_path / 'infos.json'
    write_infos(path, labels)
    path.write_text(path.read_text().replace(
        '"info_version"', '"split": "test", "info_version"'))
    with pytest.raises(ConfigError, match='test split.*format_only'):
        KittiMetric2D(ann_file=str(path))
    metric = KittiMetric2D(ann_file=str(path), format_only=True,
                           submission_prefix=str(tmp_path / 'results'))
    assert run(metric, samples_2d(detections)) == {}
