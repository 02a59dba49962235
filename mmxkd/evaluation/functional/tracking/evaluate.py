"""CLEAR MOT and identity measures of one sequence.

Sources: Bernardin and Stiefelhagen 2008 (MOTA, MOTP); Ristani et al. 2016
(IDF1). Numbers agree with ``motmetrics``.
"""
import numpy as np
from scipy.optimize import linear_sum_assignment

from mmxkd.evaluation.functional.box_overlaps import box_iou

from .counts import TrackingCounts


def count_tracks(truth: np.ndarray, predictions: np.ndarray,
                 num_frames: int | None = None,
                 iou_thr: float = 0.5) -> TrackingCounts:
    """Count how well tracks follow the objects of one sequence.

    In each frame an object first keeps its track, if that still overlaps it;
    the rest are paired so that as many as possible overlap, and then as much
    as possible.

    Args:
        truth (np.ndarray): (M, 6) frame, id, x1, y1, x2, y2.
        predictions (np.ndarray): (N, 6 or more) likewise; what follows is
            not read.
        num_frames (int, optional): Of the sequence; None: those in which
            something is.
        iou_thr (float): Overlap that a pair needs.

    Returns:
        TrackingCounts: Of this sequence.

    Raises:
        ValueError: A track has two boxes in a frame, a number is not finite,
            or there are more frames than ``num_frames``.

    Examples:
        >>> truth = np.array([[0, 1, 0, 0, 9, 9], [1, 1, 0, 0, 9, 9]])
        >>> found = np.array([[0, 7, 0, 0, 9, 9], [1, 8, 0, 0, 9, 9]])
        >>> counts = count_tracks(truth, found)
        >>> print(counts.switches, counts.mota, counts.idf1)
        1 0.5 0.5
    """
    truth, predictions = (_table(name, rows)
                          for name, rows in (('truth', truth), ('predictions',
                                                                predictions)))
    frames = np.union1d(truth[:, 0], predictions[:, 0])
    if num_frames is not None and len(frames) > num_frames:
        raise ValueError(f'{len(frames)} frames have boxes, expected at most '
                         f'num_frames={num_frames}')
    follower = _Follower(iou_thr)
    for frame in frames:
        follower.frame(truth[truth[:, 0] == frame, 1:],
                       predictions[predictions[:, 0] == frame, 1:])
    return follower.counts(len(frames) if num_frames is None else num_frames)


def _table(name: str, rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    if rows.size == 0:
        return np.zeros((0, 6))
    if rows.ndim != 2 or rows.shape[1] < 6 or not np.isfinite(rows).all():
        raise ValueError(f'{name}: expected finite rows (N, 6) of frame, id, '
                         f'x1, y1, x2, y2, got {rows.shape}')
    keys, counts = np.unique(rows[:, :2], axis=0, return_counts=True)
    if (counts > 1).any():
        frame, track = keys[counts.argmax()]
        raise ValueError(f'{name}: track {track:g} has {counts.max()} boxes '
                         f'in frame {frame:g}')
    return rows[:, :6]


class _Follower:
    """Walks through the frames of a sequence and counts.

    Args:
        iou_thr (float): Overlap that a pair needs.
    """

    def __init__(self, iou_thr: float) -> None:
        self.iou_thr = iou_thr
        self.track_of: dict[float, float] = {}
        # Whether each object was paired, in its frames.
        self.paired: dict[float, list[bool]] = {}
        self.together: dict[tuple[float, float], int] = {}
        self.lengths: dict[float, int] = {}
        self.matches = self.switches = self.false_positives = 0
        self.distance = 0.

    def frame(self, truth: np.ndarray, found: np.ndarray) -> None:
        """Count one frame; (M, 5) and (N, 5) id, x1, y1, x2, y2."""
        # As motmetrics: a distance of at most 1 - iou_thr.
        apart = 1 - box_iou(truth[:, 1:], found[:, 1:])
        near = (apart <= 1 - self.iou_thr) & (apart < 1)
        objects, tracks = truth[:, 0], found[:, 0]
        for i, j in np.argwhere(near):
            pair = (objects[i], tracks[j])
            self.together[pair] = self.together.get(pair, 0) + 1
        pairs = self._kept(objects, tracks, near)
        pairs += _best_pairs(apart, near, pairs)
        for i, j in pairs:
            before = self.track_of.setdefault(objects[i], tracks[j])
            self.switches += before != tracks[j]
            self.matches += before == tracks[j]
            self.track_of[objects[i]] = tracks[j]
            self.distance += apart[i, j]
        hit = {i for i, _ in pairs}
        for i, name in enumerate(objects):
            self.paired.setdefault(name, []).append(i in hit)
        for name in tracks:
            self.lengths[name] = self.lengths.get(name, 0) + 1
        self.false_positives += len(tracks) - len(pairs)

    def _kept(self, objects: np.ndarray, tracks: np.ndarray,
              near: np.ndarray) -> list[tuple[int, int]]:
        """Pairs of before that are still near. A track serves one object."""
        column = {name: j for j, name in enumerate(tracks)}
        pairs, used = [], set()
        for i, name in enumerate(objects):
            j = column.get(self.track_of.get(name, np.nan))
            if j is not None and j not in used and near[i, j]:
                pairs.append((i, j))
                used.add(j)
        return pairs

    def counts(self, num_frames: int) -> TrackingCounts:
        """All counts of the frames so far."""
        shares = np.array([np.mean(p) for p in self.paired.values()])
        objects = sum(map(len, self.paired.values()))
        hits = self.matches + self.switches
        return TrackingCounts(
            frames=num_frames, objects=objects,
            predictions=sum(self.lengths.values()),
            unique_objects=len(self.paired), matches=self.matches,
            switches=self.switches,
            fragmentations=sum(map(_gaps, self.paired.values())),
            false_positives=self.false_positives, misses=objects - hits,
            mostly_tracked=int((shares >= 0.8).sum()), partially_tracked=int(
                ((shares >= 0.2) & (shares < 0.8)).sum()), mostly_lost=int(
                    (shares < 0.2).sum()), identified=self._identified(),
            distance=float(self.distance))

    def _identified(self) -> int:
        """Most frames that pairs of an object and a track can share."""
        objects, tracks = list(self.paired), list(self.lengths)
        shared = np.array([[self.together.get((o, t), 0) for t in tracks]
                           for o in objects]).reshape(len(objects),
                                                      len(tracks))
        return int(shared[linear_sum_assignment(shared, maximize=True)].sum())


def _best_pairs(apart: np.ndarray, near: np.ndarray,
                taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """As many further pairs as possible, then as near as possible."""
    free = near.copy()
    for i, j in taken:
        free[i] = free[:, j] = False
    # Dearer than any number of near pairs.
    cost = np.where(free, apart, 1 + 2 * sum(apart.shape))
    return [(int(i), int(j))
            for i, j in zip(*linear_sum_assignment(cost), strict=True)
            if free[i, j]]


def _gaps(paired: list[bool]) -> int:
    """How often a pairing ends and comes back."""
    seen = np.flatnonzero(paired)
    return int((np.diff(seen) > 1).sum())
