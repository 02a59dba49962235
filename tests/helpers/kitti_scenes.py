"""Labels, detections and samples of frames that never were."""
import json

import numpy as np
import torch

from mmxkd.formats.kitti import KittiObjects
from mmxkd.formats.kitti.camera_boxes import (
    CameraBoxes,
    clip_boxes,
    observation_angle,
    project_boxes,
)

WIDTH, HEIGHT = 620, 188
P2 = np.array([[360., 0, 305, 22], [0, 360, 86, 0.1], [0, 0, 1, 0.003]])
LIDAR2CAM = np.array([[0.01, -1, -0.02, -0.02], [0.01, 0.02, -1, -0.06],
                      [1, 0.01, 0.01, -0.33], [0, 0, 0, 1]])
SIZES = {
    'Car': (1.5, 1.6, 3.9), 'Pedestrian': (1.75, 0.6, 0.8),
    'Cyclist': (1.7, 0.6, 1.8)
}
#: In the order of mmdet3d's configs, and with a class that KITTI ignores.
META = dict(classes=('Pedestrian', 'Cyclist', 'Car', 'Truck'))


def columns_of(boxes: CameraBoxes, names) -> dict:
    """Columns of objects, complete but for truncation and occlusion."""
    return dict(name=names, alpha=observation_angle(boxes), **boxes._asdict(),
                bbox=clip_boxes(project_boxes(boxes, P2), WIDTH, HEIGHT))


def random_boxes(draw, number) -> tuple[CameraBoxes, np.ndarray]:
    names = draw.choice(list(SIZES), number)
    depth = draw.uniform(6, 14, number)
    x = draw.uniform(-0.6, 0.6, number) * depth
    location = np.stack([x, draw.uniform(1.4, 1.6, number), depth], axis=1)
    sizes = np.array([SIZES[n] for n in names]).reshape(-1, 3)
    return CameraBoxes(location, sizes * draw.uniform(0.95, 1.05, (number, 1)),
                       draw.uniform(-np.pi, np.pi, number)), names


def scene(frames=60, objects=5, seed=0) -> tuple[KittiObjects, KittiObjects]:
    """Labels and imperfect detections; the first frame has neither."""
    draw = np.random.default_rng(seed)
    labels, found = {}, {}
    for index in range(frames):
        frame_id = f'{7 * index:06d}'
        boxes, names = random_boxes(draw, objects if index else 0)
        truth = columns_of(boxes, names)
        labels[frame_id] = dict(
            truth, truncated=draw.choice([0, 0, 0, 0.2], len(names)),
            occluded=draw.choice([0, 0, 0, 1], len(names)))
        kept = draw.random(len(names)) < 0.8
        moved = CameraBoxes(*[(column
                               + draw.normal(0, 0.03, column.shape))[kept]
                              for column in boxes])
        more, more_names = random_boxes(draw, 2 if index else 0)
        both = CameraBoxes(
            *[np.concatenate(pair) for pair in zip(moved, more, strict=True)])
        count = len(both.rotation_y)
        # Angles that a detector gives may lie anywhere.
        both = both._replace(rotation_y=both.rotation_y + 2 * np.pi)
        found[frame_id] = dict(
            columns_of(both, np.concatenate([names[kept], more_names])),
            score=draw.random(count).astype(np.float32))
    return (KittiObjects.from_frames(labels),
            KittiObjects.from_frames(found, scored=True))


def labels_of(objects: KittiObjects) -> torch.Tensor:
    return torch.tensor([META['classes'].index(n) for n in objects.name],
                        dtype=torch.long)


def samples_2d(objects: KittiObjects) -> list[dict]:
    """What KittiMetric2D gets for these detections, one sample a frame."""
    samples = []
    for index, frame_id in enumerate(objects.frame_ids):
        part = objects.of_frame(frame_id)
        samples.append(
            dict(
                # As mmengine counts, which is no frame id.
                img_id=index,
                sample_idx=index,
                ori_shape=(HEIGHT, WIDTH),
                img_path=f'data/kitti/training/image_2/{frame_id}.png',
                pred_instances=dict(bboxes=torch.as_tensor(part.bbox),
                                    scores=torch.as_tensor(part.score),
                                    labels=labels_of(part))))
    return samples


def run(metric, samples, meta=META, batch=4) -> dict:
    """Scores of a metric that gets these samples in batches."""
    metric.dataset_meta = meta
    for start in range(0, len(samples), batch):
        metric.process(None, samples[start:start + batch])
    return metric.evaluate(len(samples))


def write_infos(path, objects: KittiObjects) -> str:
    """Labels as an annotation file of mmdet3d, schema 1.1."""
    categories = {
        name: k
        for k, name in enumerate(('Pedestrian', 'Cyclist', 'Car', 'Van',
                                  'Truck', 'Person_sitting', 'Tram', 'Misc'))
    }
    categories['DontCare'] = -1
    infos = []
    for index, frame_id in enumerate(objects.frame_ids):
        part = objects.of_frame(frame_id)
        instances = [
            dict(
                bbox=part.bbox[i].tolist(),
                bbox_label=categories[part.name[i]],
                bbox_label_3d=categories[part.name[i]], bbox_3d=[
                    *part.location[i], *part.dimensions[i][[2, 0, 1]],
                    part.rotation_y[i]
                ], truncated=part.truncated[i], occluded=int(part.occluded[i]),
                alpha=part.alpha[i], score=0.0, group_id=i, index=i)
            for i in range(len(part))
        ]
        matrix = np.vstack([P2, [0, 0, 0, 1]])
        infos.append(
            dict(
                sample_idx=index, instances=instances, images=dict(CAM2=dict(
                    img_path=f'{frame_id}.png', height=HEIGHT, width=WIDTH,
                    cam2img=matrix.tolist(), lidar2cam=LIDAR2CAM.tolist())),
                lidar_points=dict(lidar_path=f'{frame_id}.bin',
                                  num_pts_feats=4)))
    path.write_text(
        json.dumps(
            dict(
                metainfo=dict(dataset='kitti', info_version='1.1',
                              categories=categories), data_list=infos)))
    return str(path)
