"""COCO results of boxes that are found by sound, by day and by night."""
import json
from collections.abc import Sequence
from pathlib import Path

from pycocotools.coco import COCO

from mmxkd.formats.mavd.layout import LIGHTINGS

from .base import Columns
from .coco_boxes import CocoBoxes, average_precision, quietly_loaded


class SoundBoxes(CocoBoxes):
    """COCO AP50 by day, by night, and of all frames, which counts.

    A list of frames of MAVD has no boxes. Those of synthetic drives lie in a
    file beside it.
    """
    score = 'AP50'
    unit = ('AP50 is COCO AP at an overlap of 0.5 in %, against the boxes of '
            'the synthetic drives.')

    def annotations(self, split: str) -> str:
        ending = '' if split == 'train' else '_truth'
        return f'annotations/{split}{ending}.json'

    def val_options(self, file: Path) -> list[str]:
        # True boxes come with the samples.
        return []

    def test_options(self, file: Path) -> list[str]:
        # Those of the configs: boxes as COCO has them, and tracks.
        return [f'test_evaluator.{i}.ann_file={file}' for i in (1, 2)]

    def scores(self, truth: Path, split: str,
               detections: list[Path]) -> list[Columns]:
        known = quietly_loaded(truth)
        columns = {
            f'{split} {lighting}': [
                i for i, image in known.imgs.items()
                if image['lighting'] == lighting
            ] for lighting in LIGHTINGS
        }
        columns[split] = list(known.imgs)
        return [{
            column: self._of(known, path, images)
            for column, images in columns.items()
        } for path in detections]

    def _of(self, truth: COCO, path: Path, images: Sequence[int]) -> float:
        found = json.loads(path.read_text())
        return average_precision(truth, found, overlap=0.5, images=images)
