"""All pairs of ground truth and detection that can matter, worked out once."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmxkd.formats.kitti.difficulty import DIFFICULTIES, NEIGHBOURS
from mmxkd.formats.kitti.objects import CLASSES, KittiObjects

from .overlaps import (
    image_area,
    image_intersection,
    image_overlap,
    overlaps_3d,
    pairs_of_frames,
)

#: What the overlap of a match has to exceed, by class. 'strict' is KITTI's
#: own; 'loose' is what other tools print as a second block.
MIN_OVERLAPS = {
    'strict': {'bbox': (.7, .5, .5), 'bev': (.7, .5, .5), '3d': (.7, .5, .5)},
    'loose': {'bev': (.5, .25, .25), '3d': (.5, .25, .25)}
}

METRICS = ('bbox', 'bev', '3d')


@dataclass(frozen=True)
class EvaluationScene:
    """What the evaluations of all classes, metrics and difficulties share.

    Attributes:
        gt (KittiObjects): M labels.
        det (KittiObjects): N detections of the same frames.
        gt_class (np.ndarray): (M, ) index of the class, else -1.
        gt_neighbour (np.ndarray): (M, ) index of the class that the label is
            a neighbour of, else -1.
        det_class (np.ndarray): (N, ) index of the class, else -1.
        gt_row (np.ndarray): (P, ) label of each pair, ascending.
        det_row (np.ndarray): (P, ) its detection, ascending for each label.
        overlap (dict[str, np.ndarray]): (P, ) by metric, 0..1.
        similarity (np.ndarray): (P, ) of the orientations, 0..1.
        covered (np.ndarray): (N, ) largest share of a detection that lies in
            one DontCare region, 0..1.
    """

    gt: KittiObjects
    det: KittiObjects
    gt_class: np.ndarray
    gt_neighbour: np.ndarray
    det_class: np.ndarray
    gt_row: np.ndarray
    det_row: np.ndarray
    overlap: dict[str, np.ndarray]
    similarity: np.ndarray
    covered: np.ndarray

    @classmethod
    def of(cls, gt: KittiObjects, det: KittiObjects, metrics: Sequence[str],
           overlaps: Sequence[str]) -> 'EvaluationScene':
        """Find the pairs and their overlaps."""
        gt_class = _index_of(gt.name, CLASSES)
        gt_neighbour = _index_of(
            gt.name, [NEIGHBOURS.get(name, '') for name in CLASSES])
        det_class = _index_of(det.name, CLASSES)
        family = np.maximum(gt_class, gt_neighbour)
        gt_row, det_row = _pairs(gt, det, family, det_class)
        overlap = {}
        if 'bbox' in metrics:
            overlap['bbox'] = image_overlap(gt.bbox[gt_row], det.bbox[det_row])
        if {'bev', '3d'} & set(metrics):
            least = np.min([
                MIN_OVERLAPS[name][metric] for name in overlaps
                for metric in ('bev', '3d')
            ], axis=0)
            overlap['bev'], overlap['3d'] = overlaps_3d(
                gt, det, gt_row, det_row, least[family[gt_row]])
        some = np.flatnonzero(np.any(list(overlap.values()), axis=0))
        gt_row, det_row = gt_row[some], det_row[some]
        turn = gt.alpha[gt_row] - det.alpha[det_row]
        return cls(gt, det, gt_class, gt_neighbour, det_class, gt_row, det_row,
                   {name: values[some] for name, values in overlap.items()},
                   (1 + np.cos(turn)) / 2,
                   _covered(gt, np.flatnonzero(gt.name == 'DontCare'), det))

    @property
    def oriented(self) -> bool:
        """Whether every detection has an alpha."""
        return bool((self.det.alpha != -10).all())

    def is_given(self, index: int, metric: str) -> bool:
        """Whether a detection of the class has what the metric needs.

        Also where there is no detection of the class at all.
        """
        rows = self.det_class == index
        if not rows.any():
            return True
        if metric == 'bbox':
            return bool((self.det.bbox[rows, 0] >= 0).any())
        # Seen from above, y and the height do not matter.
        axes, sizes = (([0, 2], [1, 2]) if metric == 'bev' else
                       ([0, 1, 2], [0, 1, 2]))
        for axis, size in zip(axes, sizes, strict=True):
            rows = (rows & (self.det.location[:, axis] != -1000)
                    & (self.det.dimensions[:, size] > 0))
        return bool(rows.any())


def _index_of(names: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    index = np.full(len(names), -1)
    for i, name in enumerate(wanted):
        index[names == name] = i
    return index


def _pairs(gt: KittiObjects, det: KittiObjects, family: np.ndarray,
           det_class: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = np.flatnonzero(family >= 0)
    pair, det_row = pairs_of_frames(gt.frame[rows], det.frame,
                                    len(gt.frame_ids))
    gt_row = rows[pair]
    # A low detection takes part in the matching of every class.
    low = (np.abs(det.bbox[:, 3] - det.bbox[:, 1])
           < max(level.min_height for level in DIFFICULTIES))
    matters = np.flatnonzero((family[gt_row] == det_class[det_row])
                             | low[det_row])
    return gt_row[matters], det_row[matters]


def _covered(gt: KittiObjects, regions: np.ndarray,
             det: KittiObjects) -> np.ndarray:
    region, det_row = pairs_of_frames(gt.frame[regions], det.frame,
                                      len(gt.frame_ids))
    common = image_intersection(gt.bbox[regions[region]], det.bbox[det_row])
    hit = common > 0
    det_row = det_row[hit]
    share = np.zeros(len(det))
    np.maximum.at(share, det_row, common[hit] / image_area(det.bbox[det_row]))
    return share
