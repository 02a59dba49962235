"""COCO results of boxes in the picture, scored as KITTI does."""
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO

from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti.camera_boxes import clip_boxes
from mmxkd.formats.kitti.difficulty import DIFFICULTIES
from mmxkd.formats.kitti.label_files import read_labels
from mmxkd.formats.kitti.objects import KittiObjects

from .coco_boxes import CocoBoxes, Detections, corners

LABELS = 'training/label_2'


class KittiBoxes(CocoBoxes):
    """KITTI's mean of 9 APs at 11 points: 3 classes, 3 difficulties.

    Its rules need the label files, which lie in the data root.
    """
    unit = ("mAP is KITTI's AP at 11 points in %, over 3 classes and 3 "
            'difficulties.')

    def ap(self, truth: COCO, detections: Detections,
           data_root: Path) -> float:
        own: dict[int, list[dict]] = {number: [] for number in truth.imgs}
        for detection in detections:
            own[detection['image_id']].append(detection)
        names = {number: cat['name'] for number, cat in truth.cats.items()}
        frames = {}
        for number, image in truth.imgs.items():
            rows = own[number]
            boxes = np.array([corners(d['bbox']) for d in rows]).reshape(-1, 4)
            frames[Path(image['file_name']).stem] = dict(
                name=[names[d['category_id']] for d in rows],
                bbox=clip_boxes(boxes, image['width'], image['height']),
                score=[d['score'] for d in rows])
        found = KittiObjects.from_frames(dict(sorted(frames.items())),
                                         scored=True)
        labels = read_labels(data_root / LABELS, list(found.frame_ids))
        scalars = evaluate(labels, found, classes=tuple(names.values()),
                           metrics=('bbox', ), orientation=False).scalars()
        return float(
            np.mean([
                scalars[f'Overall_bbox_AP11_{level.name}_strict']
                for level in DIFFICULTIES
            ]))
