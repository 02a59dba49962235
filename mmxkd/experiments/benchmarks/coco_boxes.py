"""COCO results of boxes in the picture, scored as COCO does."""
import contextlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
        with contextlib.redirect_stdout(io.StringIO()):
            known = COCO(truth)
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


def average_precision(truth: COCO, detections: Detections) -> float:
    """COCO AP@[.50:.95] of boxes, all areas, at most 100 per frame, in %."""
    if not detections:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(list(detections)), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0])


def corners(box: Sequence[float]) -> list[float]:
    """A box of COCO as x1, y1, x2, y2."""
    x, y, width, height = box
    return [x, y, x + width, y + height]
