"""What an experiment's detections are worth, by the rules of a benchmark.

Every arm leaves COCO results, and its data has COCO annotations; KITTI's
rules need its label files besides.
"""
import contextlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.evaluation.functional.voc_ap import evaluate_voc
from mmxkd.formats.kitti.camera_boxes import clip_boxes
from mmxkd.formats.kitti.difficulty import DIFFICULTIES
from mmxkd.formats.kitti.label_files import read_labels
from mmxkd.formats.kitti.objects import KittiObjects

LABELS = 'training/label_2'
Detections = Sequence[dict[str, Any]]


class Benchmark(NamedTuple):
    """Rules of a benchmark.

    Attributes:
        score (Callable): Ground truth, detections and data root to percent.
        meaning (str): What the number is, for the notes of a report.
    """

    score: Callable[[COCO, Detections, Path], float]
    meaning: str


def coco_ap(truth: COCO, detections: Detections, data_root: Path) -> float:
    """COCO AP@[.50:.95] of boxes, all areas, at most 100 per frame, in %."""
    if not detections:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(list(detections)), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0])


def voc_ap(truth: COCO, detections: Detections, data_root: Path) -> float:
    """VOC2007's mean AP at 11 points in %; crowds are difficult objects."""
    label = {number: i for i, number in enumerate(sorted(truth.cats))}
    objects = [[
        a['image_id'], label[a['category_id']], a['iscrowd'],
        *_corners(a['bbox'])
    ] for a in truth.anns.values()]
    found = [[
        d['image_id'], label[d['category_id']], d['score'],
        *_corners(d['bbox'])
    ] for d in detections]
    return 100 * evaluate_voc(np.array(objects), np.array(found),
                              len(label)).mean


def kitti_ap(truth: COCO, detections: Detections, data_root: Path) -> float:
    """KITTI's mean of 9 APs at 11 points in %: 3 classes, 3 difficulties."""
    own: dict[int, list[dict]] = {number: [] for number in truth.imgs}
    for detection in detections:
        own[detection['image_id']].append(detection)
    names = {number: cat['name'] for number, cat in truth.cats.items()}
    frames = {}
    for number, image in truth.imgs.items():
        rows = own[number]
        boxes = np.array([_corners(d['bbox']) for d in rows]).reshape(-1, 4)
        frames[Path(image['file_name']).stem] = dict(
            name=[names[d['category_id']] for d in rows],
            bbox=clip_boxes(boxes, image['width'], image['height']),
            score=[d['score'] for d in rows])
    found = KittiObjects.from_frames(dict(sorted(frames.items())), scored=True)
    labels = read_labels(data_root / LABELS, list(found.frame_ids))
    scalars = evaluate(labels, found, classes=tuple(names.values()),
                       metrics=('bbox', ), orientation=False).scalars()
    return float(
        np.mean([
            scalars[f'Overall_bbox_AP11_{level.name}_strict']
            for level in DIFFICULTIES
        ]))


def _corners(box: Sequence[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x + width, y + height]


#: By the word for ``metric`` in the config of an experiment.
METRICS = dict(
    coco=Benchmark(coco_ap, 'COCO AP@[.50:.95]'),
    voc=Benchmark(voc_ap, "VOC2007's AP at 11 points"), kitti=Benchmark(
        kitti_ap, "KITTI's AP at 11 points over 3 classes and 3 difficulties"))
