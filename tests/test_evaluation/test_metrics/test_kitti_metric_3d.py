from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.evaluation.metrics import KittiMetric2D, KittiMetric3D
from mmxkd.formats.kitti import KittiObjects, read_results, write_labels
from mmxkd.formats.kitti.camera_boxes import wrap_angle
from tests.helpers.kitti_scenes import (
    HEIGHT,
    LIDAR2CAM,
    META,
    P2,
    WIDTH,
    columns_of,
    labels_of,
    random_boxes,
    run,
    samples_2d,
    scene,
    write_infos,
)
from tests.helpers.stacks import needs

KINDS = ['camera', 'lidar']


class Boxes:
    """Stands for mmdet3d's boxes where the real ones make no difference."""

    def __init__(self, tensor):
        self.tensor = tensor


class CameraInstance3DBoxes(Boxes):
    pass


class LiDARInstance3DBoxes(Boxes):
    pass


def boxes_of(part: KittiObjects, kind: str, dtype=torch.float64) -> Boxes:
    height, width, length = part.dimensions.T
    if kind == 'camera':
        return CameraInstance3DBoxes(
            torch.as_tensor(
                np.column_stack(
                    [part.location, length, height, width, part.rotation_y]),
                dtype=dtype))
    place = np.column_stack([part.location, np.ones(len(part))])
    place = np.linalg.solve(LIDAR2CAM, place.T).T[:, :3]
    return LiDARInstance3DBoxes(
        torch.as_tensor(
            np.column_stack(
                [place, length, width, height, -part.rotation_y - np.pi / 2]),
            dtype=dtype))


def samples_3d(objects: KittiObjects, kind: str, **kwargs) -> list[dict]:
    """What KittiMetric3D gets for these detections, one sample a frame."""
    samples = []
    for index, frame_id in enumerate(objects.frame_ids):
        part = objects.of_frame(frame_id)
        samples.append(
            dict(
                sample_idx=index, pred_instances={},
                lidar_path=f'data/kitti/training/velodyne/{frame_id}.bin',
                pred_instances_3d=dict(
                    bboxes_3d=boxes_of(part, kind, **kwargs),
                    scores_3d=torch.as_tensor(part.score),
                    labels_3d=labels_of(part))))
    return samples


def expected(labels, detections, **kwargs) -> dict:
    scalars = evaluate(labels, detections, **kwargs).scalars()
    return {f'kitti/{key}': value for key, value in scalars.items()}


@pytest.fixture(scope='module')
def labels():
    return scene()[0]


@pytest.fixture(scope='module')
def detections():
    return scene()[1]


@pytest.fixture(scope='module')
def infos(labels, tmp_path_factory) -> str:
    return write_infos(tmp_path_factory.mktemp('infos') / 'infos.json', labels)


def close(found: dict, true: dict) -> bool:
    assert found.keys() == true.keys()
    return found == pytest.approx(true, abs=1e-6)


@pytest.mark.parametrize('kind', KINDS)
def test_scores_are_those_of_the_evaluator(labels, detections, infos, kind):
    found = run(KittiMetric3D(ann_file=infos, overlaps=['strict', 'loose']),
                samples_3d(detections, kind))
    assert close(found,
                 expected(labels, detections, overlaps=('strict', 'loose')))
    for key in ('bbox_AP40_moderate_strict', 'aos_AP40_moderate_strict',
                'bev_AP40_moderate_loose', '3d_AP11_hard_strict'):
        assert 5 < found[f'kitti/Car_{key}'] < 95


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_written_is_the_detection(detections, infos, kind, tmp_path):
    run(KittiMetric3D(ann_file=infos, submission_prefix=str(tmp_path)),
        samples_3d(detections, kind))
    found = read_results(tmp_path / 'data')
    assert found.name.tolist() == detections.name.tolist()
    np.testing.assert_array_equal(found.score, detections.score)
    for name in ('location', 'dimensions', 'bbox', 'alpha'):
        np.testing.assert_allclose(getattr(found, name),
                                   getattr(detections, name), atol=1e-9)
    np.testing.assert_allclose(found.rotation_y,
                               wrap_angle(detections.rotation_y), atol=1e-9)


@pytest.mark.parametrize('kind', KINDS)
def test_labels_as_detections_are_perfect(kind, tmp_path):
    """Where there are 41, and none of them is missed for its size."""
    draw = np.random.default_rng(1)
    frames = {}
    for index in range(45):
        boxes, _ = random_boxes(draw, 3)
        place = boxes.location.copy()
        place[:, 0] = [-4, 0, 4]  # side by side, and wholly in the image
        place[:, 2] = 12
        frames[f'{index:06d}'] = dict(
            columns_of(boxes._replace(location=place),
                       ['Car', 'Pedestrian', 'Cyclist']), truncated=[0] * 3,
            occluded=[0] * 3)
    labels = KittiObjects.from_frames(frames)
    infos = write_infos(tmp_path / 'infos.json', labels)
    found = run(
        KittiMetric3D(ann_file=infos),
        samples_3d(replace(labels, score=draw.random(len(labels))), kind,
                   dtype=torch.float32))
    for key, value in found.items():
        if 'n_gt' in key:
            assert value == 45
        else:
            assert value == pytest.approx(100, abs=1e-9), key
    assert sum('3d_AP40' in key for key in found) >= 9


def test_mmdet3ds_own_samples(labels, detections, infos):
    """Through mmengine's evaluator, which turns them into dictionaries."""
    structures = needs('mmdet3d.structures')
    from mmengine.evaluator import Evaluator
    from mmengine.structures import InstanceData
    for kind in KINDS:
        evaluator = Evaluator(dict(type='mmxkd.KittiMetric3D', ann_file=infos))
        evaluator.dataset_meta = META
        for sample in samples_3d(detections, kind):
            found = sample.pop('pred_instances_3d')
            sample.pop('pred_instances')
            boxes = found['bboxes_3d']
            found['bboxes_3d'] = getattr(structures,
                                         type(boxes).__name__)(boxes.tensor)
            data_sample = structures.Det3DDataSample(metainfo=sample)
            data_sample.pred_instances_3d = InstanceData(**found)
            data_sample.pred_instances = InstanceData()
            evaluator.process([data_sample])
        found = evaluator.evaluate(60)
        true = expected(labels, detections)
        assert found == pytest.approx(true, abs=1e-3)  # float32 there


def test_some_metrics(labels, detections, infos):
    found = run(
        KittiMetric3D(ann_file=infos, metrics=['3d'], classes=['Cyclist']),
        samples_3d(detections, 'lidar'))
    assert close(
        found,
        expected(labels, detections, metrics=('3d', ), classes=('Cyclist', )))


def test_a_part_of_the_frames_in_another_order(labels, detections, infos):
    ids = detections.frame_ids[4:40]
    samples = samples_3d(detections.of_frames(ids), 'lidar')
    found = run(KittiMetric3D(ann_file=infos), samples[::-1])
    assert close(found,
                 expected(labels.of_frames(ids), detections.of_frames(ids)))


@pytest.mark.parametrize('kind', KINDS)
def test_the_samples_own_camera(labels, detections, tmp_path, kind):
    """Where there are label files only."""
    write_labels(tmp_path, labels)
    samples = samples_3d(detections, kind)
    for sample in samples:
        path = sample.pop('lidar_path')
        sample.update(
            # mmdet3d lists the images that belong to a scan.
            img_path=[path.replace('velodyne', 'image_2')],
            ori_shape=(HEIGHT, WIDTH, 3),
            lidar2cam=LIDAR2CAM.tolist(),
            cam2img=np.vstack([P2, [0, 0, 0, 1]]),
            scale_factor=(1.0, 1.0))
    metric = KittiMetric3D(str(tmp_path))
    true = expected(labels, detections)
    assert close(run(metric, samples), true)
    # Of a resized image, only what was kept of the original one is used.
    for sample in samples:
        sample.update(ori_cam2img=sample.pop('cam2img'), scale_factor=0.5,
                      cam2img=np.zeros((3, 3)))
    assert close(run(metric, samples), true)


@pytest.mark.parametrize('change, message', [
    (dict(cam2img=None), 'cam2img, got none'),
    (dict(cam2img=np.zeros((4, 4, 4))), r'cam2img, got .*\(4, 4, 4\)'),
    (dict(scale_factor=(0.5, 0.5)), 'was resized'),
    (dict(cam2img=np.full((3, 4), np.nan)), 'finite matrix'),
    (dict(lidar2cam=None), 'need lidar2cam'),
    (dict(lidar2cam=np.zeros((2, 4, 4))), r'lidar2cam, got .*\(2, 4, 4\)'),
])
def test_a_camera_that_is_not_known(labels, detections, tmp_path, change,
                                    message):
    write_labels(tmp_path, labels)
    sample = dict(
        samples_3d(detections, 'lidar')[1], ori_shape=(9, 9),
        cam2img=np.eye(4), lidar2cam=np.eye(4))
    with pytest.raises(ConfigError, match=f'frame 000007: .*{message}'
                       '.*ann_file'):
        run(KittiMetric3D(str(tmp_path)), [dict(sample, **change)])


def test_a_scan_of_several_images_goes_by_its_own_name(labels, detections,
                                                       infos):
    samples = samples_3d(detections, 'lidar')
    for sample in samples:
        sample['img_path'] = ['image_0/000000.png', 'image_1/000000.png']
    found = run(KittiMetric3D(ann_file=infos), samples)
    assert close(found, expected(labels, detections))


def test_labels_from_files_and_cameras_from_infos(labels, detections, infos,
                                                  tmp_path):
    other = replace(labels, occluded=np.zeros(len(labels)))
    write_labels(tmp_path, other)
    found = run(KittiMetric3D(str(tmp_path), infos),
                samples_3d(detections, 'camera'))
    assert close(found, expected(other, detections))


def test_detections_outside_of_the_image_are_counted(labels, detections, infos,
                                                     logged):
    """Behind the camera, or to its right: they change no score."""
    first = detections.frame_ids[1]
    part = detections.of_frame(first)
    place = part.location.copy()
    place[0, 2] *= -1
    place[1, 0] += 60
    moved = replace(part, location=place)
    samples = samples_3d(moved, 'lidar')
    found = run(KittiMetric3D(ann_file=infos), samples)
    keep = np.arange(len(part)) >= 2
    kept = replace(
        part, **{
            name: getattr(part, name)[keep]
            for name in ('frame', 'name', 'truncated', 'occluded', 'alpha',
                         'bbox', 'dimensions', 'location', 'rotation_y',
                         'score')
        })
    assert close(found, expected(labels.of_frame(first), kept))
    assert any('2 not counted: outside of the image' in t for t in logged)


@pytest.mark.parametrize('place, value', [(2, 0.), (2, -1.), (3, 0.), (4, 0.)])
def test_boxes_that_a_camera_cannot_see(detections, infos, tmp_path, logged,
                                        place, value):
    """z <= 0 though the front is in the image, or a size of 0."""
    sample = samples_3d(detections, 'camera')[1]
    found = sample['pred_instances_3d']
    # A long car right ahead, seen from within.
    row = torch.tensor([0., 1.6, 3., 9., 1.5, 1.6, np.pi / 2])
    found['bboxes_3d'].tensor[0] = row
    files = []
    for number in (row[place].item(), value):
        found['bboxes_3d'].tensor[0, place] = number
        folder = tmp_path / str(number)
        run(
            KittiMetric3D(ann_file=infos, format_only=True,
                          submission_prefix=str(folder)), [sample])
        files.append(read_results(folder))
    assert len(files[1]) == len(files[0]) - 1
    assert (files[1].location[:, 2] > 0).all()
    assert (files[1].dimensions > 0).all()
    assert any('1 not counted: at or behind the camera' in t for t in logged)


def test_own_boxes_beside_the_image(detections, infos, tmp_path):
    """Clipped, they have no area: the projection counts."""
    sample = widened(samples_3d(detections, 'camera')[1], detections, 1e4)
    run(
        KittiMetric3D(ann_file=infos, format_only=True,
                      submission_prefix=str(tmp_path)), [sample])
    found = read_results(tmp_path)
    x1, y1, x2, y2 = found.bbox.T
    assert len(found) and ((x2 > x1) & (y2 > y1)).all()


def test_scores_of_other_boxes(detections, infos):
    sample = samples_3d(detections, 'camera')[1]
    found = sample['pred_instances_3d']
    count = len(found['scores_3d'])
    found['scores_3d'] = found['scores_3d'][:-1]
    with pytest.raises(
            ValueError, match=f'frame 000007: pred_instances_3d has'
            f' {count} boxes, {count - 1} scores'):
        run(KittiMetric3D(ann_file=infos), [sample])


@pytest.mark.parametrize('place', ['.', 'data'])
def test_results_into_a_file(infos, tmp_path, place):
    """Said before the test, and not after all frames were predicted."""
    folder = tmp_path / 'out'
    if place == 'data':
        folder.mkdir()
    (folder / place).write_text('')
    with pytest.raises(ConfigError, match='submission_prefix: .* is a file'):
        KittiMetric3D(ann_file=infos, submission_prefix=str(folder))


def test_image_boxes_of_a_detector_of_both(labels, detections, infos):
    """mmdet3d's monocular detectors may predict them: the 2-D metric's."""
    samples = samples_2d(detections)
    for sample, more in zip(samples, samples_3d(detections, 'camera'),
                            strict=True):
        sample['pred_instances_3d'] = more['pred_instances_3d']
    two = run(KittiMetric2D(ann_file=infos), samples)
    three = run(KittiMetric3D(ann_file=infos), samples)
    assert set(two) < set(three)
    assert two == pytest.approx({key: three[key] for key in two}, abs=1e-6)


def widened(sample: dict, detections, change: float) -> dict:
    """The sample with 2-D boxes of a model, so much to the right."""
    part = detections.of_frame(Path(sample['lidar_path']).stem)
    boxes = torch.as_tensor(part.bbox) + change
    return dict(sample, pred_instances=dict(bboxes=boxes))


def test_the_models_own_image_boxes_are_taken(detections, infos, tmp_path):
    samples = samples_3d(detections, 'camera')
    whole = [widened(s, detections, 1.5) for s in samples]
    turned = dict(whole[1])
    boxes = turned['pred_instances']['bboxes'].clone()
    boxes[0, 2] = boxes[0, 0] - 3
    turned['pred_instances'] = dict(bboxes=boxes)
    for folder, given, options in (('own', whole, {}),
                                   ('turned', [whole[0], turned, *whole[2:]],
                                    {}), ('projected', whole,
                                          dict(image_boxes='projected'))):
        run(
            KittiMetric3D(ann_file=infos, **options,
                          submission_prefix=str(tmp_path / folder)), given)
    found = {
        name: read_results(tmp_path / name / 'data').bbox
        for name in ('own', 'turned', 'projected')
    }
    np.testing.assert_allclose(found['projected'], detections.bbox, atol=1e-9)
    # Clipped to the image, as all are.
    inside = (detections.bbox < [600, 180, 600, 180]).all(1)
    assert inside.sum() > 5
    np.testing.assert_allclose(found['own'][inside],
                               detections.bbox[inside] + 1.5, atol=1e-4)
    # A box without area is no box: its projection counts.
    other = np.flatnonzero((found['turned'] != found['own']).any(1))
    assert len(other) == 1
    np.testing.assert_allclose(found['turned'][other], detections.bbox[other],
                               atol=1e-9)


def test_image_boxes_that_are_asked_for_and_not_there(detections, infos):
    metric = KittiMetric3D(ann_file=infos, image_boxes='predicted')
    with pytest.raises(ConfigError, match="image_boxes='predicted', but"):
        run(metric, samples_3d(detections, 'camera')[1:2])


def test_no_detection_at_all(detections, infos):
    none = replace(
        detections, **{
            name: getattr(detections, name)[:0]
            for name in ('frame', 'name', 'truncated', 'occluded', 'alpha',
                         'bbox', 'dimensions', 'location', 'rotation_y',
                         'score')
        })
    found = run(KittiMetric3D(ann_file=infos), samples_3d(none, 'lidar'))
    assert found['kitti/Car_3d_AP40_moderate_strict'] == 0
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize(
    'column, value, message',
    [(0, float('nan'), 'frame 000007: detection 1 has .*bboxes_3d'),
     (4, -1., 'frame 000007: detection 1 has a negative size'),
     (6, float('inf'), 'frame 000007: detection 1 has .*bboxes_3d')])
@pytest.mark.parametrize('kind', KINDS)
def test_bad_boxes(detections, infos, kind, column, value, message):
    sample = samples_3d(detections, kind)[1]
    sample['pred_instances_3d']['bboxes_3d'].tensor[1, column] = value
    with pytest.raises(ValueError, match=message):
        run(KittiMetric3D(ann_file=infos), [sample])


def test_boxes_of_a_room(detections, infos):

    class DepthInstance3DBoxes(Boxes):
        pass

    sample = samples_3d(detections, 'lidar')[1]
    found = sample['pred_instances_3d']
    found['bboxes_3d'] = DepthInstance3DBoxes(found['bboxes_3d'].tensor)
    with pytest.raises(ConfigError, match='got DepthInstance3DBoxes'):
        run(KittiMetric3D(ann_file=infos), [sample])


@pytest.mark.parametrize('arguments, message', [
    (dict(metrics=['box']), "metrics: unknown name 'box'; did you mean 'bbox"),
    (dict(metrics=['3d', '3d']), 'metrics: expected each name once'),
    (dict(overlaps='strict'), 'expected a list'),
    (dict(image_boxes='own'), "image_boxes='own'")
])
def test_bad_arguments(infos, arguments, message):
    with pytest.raises(ConfigError, match=message):
        KittiMetric3D(ann_file=infos, **arguments)


def test_needs_no_mmdet3d_and_the_evaluator_not_even_mmengine(run_python):
    run_python(
        '-c', '''
import sys
for name in ("mmdet3d", "numba", "mmdet"):
    sys.modules[name] = None  # an import of it raises
import mmxkd.evaluation.functional.kitti
import mmxkd.formats.kitti.camera_boxes
loaded = [n for n in sys.modules if n.startswith("mmengine.evaluator")
          or n.startswith("mmxkd.evaluation.metrics")]
assert not loaded, loaded
from mmxkd.registry import METRICS
assert METRICS.get("mmxkd.KittiMetric3D").__name__ == "KittiMetric3D"
''')
