"""What an experiment measures: where truth and detections lie, and a score."""
import contextlib
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti import KittiInfos, read_results

#: Scores in percent, by the column that they have in a report.
Columns = Mapping[str, float]


class Benchmark(ABC):
    """One way to score the detections of a split.

    Attributes:
        score (str): What a report calls the number.
        unit (str): What the number is, a sentence of a report.
        pictures (bool): Whether detections are COCO results, which reports
            draw.
    """
    score: str
    unit: str
    pictures = False

    @abstractmethod
    def annotations(self, split: str) -> str:
        """The file of a split, in the data root."""

    @abstractmethod
    def detections(self, folder: Path, split: str) -> Path:
        """Where a run keeps its detections."""

    @abstractmethod
    def collect(self, out: Path, kept: Path) -> None:
        """Move what ``tools/test.py --out OUT`` has written, at once."""

    @abstractmethod
    def scores(self, truth: Path, split: str,
               detections: list[Path]) -> list[Columns]:
        """Of each of several detections of one split.

        Args:
            truth (Path): The file of the split.
            split (str): Its name, for the columns.
            detections (list[Path]): Of several runs.
        """


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
        return [{
            split: average_precision(known, json.loads(path.read_text()))
        } for path in detections]


class KittiCars3D(Benchmark):
    """KITTI's AP40 of cars in 3-D, moderate; loose beside strict.

    Strict, an overlap of 0.7, is the last column: the one that counts.
    """
    score = 'AP'
    unit = ('AP is KITTI Car 3-D AP40 moderate in %: strict with an overlap '
            'of 0.7, loose with 0.5.')
    overlaps = ('loose', 'strict')

    def annotations(self, split: str) -> str:
        return f'kitti_infos_{split}.json'

    def detections(self, folder: Path, split: str) -> Path:
        return folder / f'{split}.kitti'

    def collect(self, out: Path, kept: Path) -> None:
        os.replace(out, kept)

    def scores(self, truth: Path, split: str,
               detections: list[Path]) -> list[Columns]:
        infos = KittiInfos(str(truth))
        found: list[Columns] = []
        for path in detections:
            results = read_results(path / 'data')
            values = evaluate(infos.labels(results.frame_ids), results,
                              classes=('Car', ), metrics=('3d', ),
                              overlaps=self.overlaps).scalars()
            found.append({
                f'{split} {kind}': values[f'Car_3d_AP40_moderate_{kind}']
                for kind in self.overlaps
            })
        return found


COCO_BOXES = CocoBoxes()
BENCHMARKS: dict[str, Benchmark] = dict(coco_boxes=COCO_BOXES,
                                        kitti_cars_3d=KittiCars3D())


def average_precision(ground_truth: COCO, detections: list[dict]) -> float:
    """COCO AP@[.50:.95] of boxes, all areas, at most 100 per frame, in %."""
    if not detections:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(detections),
                              'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0])
