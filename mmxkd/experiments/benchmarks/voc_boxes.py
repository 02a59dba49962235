"""COCO results of boxes in the picture, scored as VOC2007 does."""
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO

from mmxkd.evaluation.functional.voc_ap import evaluate_voc

from .coco_boxes import CocoBoxes, Detections, corners


class VocBoxes(CocoBoxes):
    """VOC2007's mean AP at 11 points; crowds are difficult objects."""
    unit = "mAP is VOC2007's AP at 11 points in %."

    def ap(self, truth: COCO, detections: Detections,
           data_root: Path) -> float:
        label = {number: i for i, number in enumerate(sorted(truth.cats))}
        objects = [[
            a['image_id'], label[a['category_id']], a['iscrowd'],
            *corners(a['bbox'])
        ] for a in truth.anns.values()]
        found = [[
            d['image_id'], label[d['category_id']], d['score'],
            *corners(d['bbox'])
        ] for d in detections]
        return 100 * evaluate_voc(np.array(objects), np.array(found),
                                  len(label)).mean
