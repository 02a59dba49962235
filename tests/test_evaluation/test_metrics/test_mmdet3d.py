"""What mmdet3d itself makes of KITTI's labels."""
import numpy as np
import pytest
import torch

from mmxkd.evaluation.metrics import KittiMetric3D
from mmxkd.formats.kitti import KittiObjects
from tests.helpers.kitti_scenes import (
    columns_of,
    random_boxes,
    run,
    write_infos,
)
from tests.helpers.stacks import needs

datasets = needs('mmdet3d.datasets')


@pytest.fixture(scope='module')
def infos(tmp_path_factory) -> str:
    """45 frames with an object of each class, wholly visible."""
    draw = np.random.default_rng(1)
    frames = {}
    for index in range(45):
        boxes, _ = random_boxes(draw, 3)
        place = boxes.location.copy()
        place[:, 0], place[:, 2] = [-4, 0, 4], 12
        frames[f'{index + 100:06d}'] = dict(
            columns_of(boxes._replace(location=place),
                       ['Car', 'Pedestrian', 'Cyclist']), truncated=[0] * 3,
            occluded=[0] * 3)
    path = tmp_path_factory.mktemp('kitti') / 'kitti_infos_val.json'
    return write_infos(path, KittiObjects.from_frames(frames))


@pytest.mark.parametrize('kind, modality', [('LiDAR', dict(use_lidar=True)),
                                            ('Camera', dict(use_camera=True))])
def test_its_labels_as_detections_are_perfect(infos, kind, modality):
    """Its own data set reads the infos, and turns labels into its boxes."""
    dataset = datasets.KittiDataset(
        '', infos, modality=modality, box_type_3d=kind, test_mode=True,
        metainfo=dict(classes=('Pedestrian', 'Cyclist', 'Car')))
    samples = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        found = info['eval_ann_info']
        assert type(found['gt_bboxes_3d']).__name__.startswith(kind)
        labels = torch.as_tensor(found['gt_labels_3d'])
        samples.append(
            dict(
                info, pred_instances_3d=dict(
                    bboxes_3d=found['gt_bboxes_3d'], labels_3d=labels,
                    scores_3d=torch.linspace(0.9, 0.1, len(labels)))))
    assert samples[0]['sample_idx'] == 0  # and not 100
    scores = run(KittiMetric3D(ann_file=infos), samples, dataset.metainfo)
    for key, value in scores.items():
        assert value == (45 if 'n_gt' in key else pytest.approx(100)), key
