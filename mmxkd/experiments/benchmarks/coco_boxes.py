"""COCO results of boxes in the picture, scored as COCO does."""
import contextlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from .base import Benchmark, Columns

Detections = Sequence[dict[str, Any]]


class CocoBoxes(Benchmark):
    """COCO AP@[.50:.95] of boxes in the picture."""
    score = 'mAP'
    unit = 'mAP is COCO AP@[.50:.95] in %.'
    pictures = True

    def annotations(self, split: str) -> str:
        return f'annotations/{split}.json'

    def detections(self, folder: Path, split: str) -> Path:
        return folder / f'{split}.bbox.json'

    def collect(self, out: Path, kept: Path) -> None:
        os.replace(f'{out}.bbox.json', kept)

    def scores(self, truth: Path, split: str,
               detections: list[Path]) -> list[Columns]:
        known = quietly_loaded(truth)
        root = truth.parents[1]
        return [{split: self.ap(known, json.loads(path.read_text()), root)}
                for path in detections]

    def ap(self, truth: COCO, detections: Detections,
           data_root: Path) -> float:
        """The score of the detections of one run, in %.

        Args:
            truth (COCO): Frames and objects.
            detections (list[dict]): COCO results.
            data_root (Path): Holds what the benchmark reads besides.
        """
        return average_precision(truth, detections)


def quietly_loaded(truth: Path) -> COCO:
    """A COCO file, without what its reader prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(truth)


def average_precision(truth: COCO, detections: Detections,
                      overlap: float | None = None,
                      images: Sequence[int] | None = None) -> float:
    """COCO AP of boxes, all areas, at most 100 per frame, in %.

    Args:
        truth (COCO): Frames and objects.
        detections (list[dict]): COCO results.
        overlap (float, optional): That a hit has; None: the mean over 0.50,
            0.55 … 0.95.
        images (Sequence[int], optional): Frames that count; None: all.
    """
    if not detections:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(list(detections)), 'bbox')
        if overlap is not None:
            evaluation.params.iouThrs = np.array([overlap])
        if images is not None:
            evaluation.params.imgIds = sorted(images)
        evaluation.evaluate()
        evaluation.accumulate()
    # Of all areas, with the most detections; -1 where nothing is to be found.
    precision = evaluation.eval['precision'][:, :, :, 0, -1]
    precision = precision[precision > -1]
    return 100 * float(precision.mean()) if precision.size else -100.0


def corners(box: Sequence[float]) -> list[float]:
    """A box of COCO as x1, y1, x2, y2."""
    x, y, width, height = box
    return [x, y, x + width, y + height]
