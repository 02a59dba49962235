"""KITTI result files, scored in 3-D."""
import os
from pathlib import Path

from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti import KittiInfos, read_results

from .base import Benchmark, Columns


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
