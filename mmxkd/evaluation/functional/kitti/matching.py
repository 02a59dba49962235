"""Greedy matching of detections and ground truth, at many thresholds at once.

KITTI matches frame by frame: each ground truth, in the order of the file,
takes the detection that it likes best among those that are left. What it
likes does not depend on what was taken before, so preferences are sorted once
and all frames are matched together: first the first ground truth of each, then
the second. What may depend on each other is a connected group of overlapping
objects, and such a group only changes at the thresholds that lie between the
scores of its own detections. So a group is matched once for each of those
states, and not once for each of the 41 thresholds.
"""
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmxkd.formats.kitti.objects import ranges

_CHUNK = 50_000


@dataclass(frozen=True)
class Candidates:
    """Pairs that overlap enough, for one class, difficulty and metric.

    Attributes:
        frame (np.ndarray): (P, ) frame of the pair, ascending.
        gt (np.ndarray): (P, ) row of the ground truth, ascending.
        det (np.ndarray): (P, ) row of the detection, ascending for each
            ground truth.
        overlap (np.ndarray): (P, ) 0..1.
        score (np.ndarray): (P, ) of the detection.
        gt_counts (np.ndarray): (P, ) whether the ground truth has to be
            found; else it is ignored.
        det_counts (np.ndarray): (P, ) whether the detection has the class
            and the height; else it is ignored.
    """

    frame: np.ndarray
    gt: np.ndarray
    det: np.ndarray
    overlap: np.ndarray
    score: np.ndarray
    gt_counts: np.ndarray
    det_counts: np.ndarray

    def __len__(self) -> int:
        return len(self.gt)

    def rows(self, index: np.ndarray | slice) -> 'Candidates':
        """Some of the pairs."""
        return Candidates(*(getattr(self, name)[index]
                            for name in self.__dataclass_fields__))


def true_positive_scores(pairs: Candidates) -> np.ndarray:
    """Scores of the true positives when every detection is let in.

    Here a ground truth takes the detection with the highest score, the first
    in the file where several have it.

    Returns:
        np.ndarray: (T, ) in no particular order.
    """
    order = np.lexsort((pairs.det, -pairs.score, pairs.gt))
    pairs = pairs.rows(order)
    taken = _serve(_turn(pairs.frame, pairs.gt), pairs.frame, pairs.det)
    good = pairs.gt_counts[taken] & pairs.det_counts[taken]
    return pairs.score[taken][good]


def count_matches(pairs: Candidates, thresholds: np.ndarray,
                  false_weight: np.ndarray,
                  similarity: np.ndarray) -> np.ndarray:
    """Count true positives at all thresholds.

    Here a ground truth takes the detection with the largest overlap that has
    the class and the height, and only without one the first ignored one.

    Args:
        pairs (Candidates): P pairs.
        thresholds (np.ndarray): (T, ) descending; a detection takes part
            where its score is not below.
        false_weight (np.ndarray): (P, ) 1 where the detection would be a
            false positive if nobody took it, else 0.
        similarity (np.ndarray): (P, ) of the orientations, 0..1.

    Returns:
        np.ndarray: (3, T) true positives, detections taken that would be
        false positives, and the similarity summed over true positives.
    """
    level = np.searchsorted(-thresholds, -pairs.score, side='left')
    keep = level < len(thresholds)
    # The preferences of each ground truth.
    order = np.lexsort(
        (pairs.det, -np.where(pairs.det_counts, pairs.overlap, 0),
         ~pairs.det_counts, pairs.gt))
    order = order[keep[order]]
    pairs, level = pairs.rows(order), level[order]
    false_weight, similarity = false_weight[order], similarity[order]
    good = pairs.gt_counts & pairs.det_counts
    weights = np.stack([good, false_weight, np.where(good, similarity, 0)])
    total = np.zeros((3, len(thresholds)))
    for part in _chunks(pairs.frame):
        total += _count(pairs.rows(part), level[part], weights[:, part],
                        len(thresholds))
    return np.cumsum(total, axis=1)


def _count(pairs: Candidates, level: np.ndarray, weights: np.ndarray,
           num_levels: int) -> np.ndarray:
    """Changes of the three sums at each level."""
    if not len(pairs):
        return np.zeros((3, num_levels))
    group = _groups(pairs.gt, pairs.det)
    # The states of a group: the levels at which one of its detections enters.
    state, entered = np.unique(group * num_levels + level, return_inverse=True)
    state_group, state_level = np.divmod(state, num_levels)
    group_end = np.searchsorted(state_group, np.arange(group.max() + 2))[1:]
    # A pair exists from the state in which its detection enters to the last.
    copies = group_end[group] - entered
    row = np.repeat(np.arange(len(group)), copies)
    in_state = ranges(entered, copies)
    turn = _turn(group, pairs.gt)
    taken = _serve(turn[row], in_state, pairs.det[row])
    row, in_state = row[taken], in_state[taken]
    sums = np.stack(
        [np.bincount(in_state, weight[row], len(state)) for weight in weights])
    # Each state replaces the one before.
    change = np.diff(sums, axis=1, prepend=0)
    first = np.flatnonzero(np.diff(state_group, prepend=-1))
    change[:, first] = sums[:, first]
    return np.stack(
        [np.bincount(state_level, row, num_levels) for row in change])


def _serve(turn: np.ndarray, world: np.ndarray, det: np.ndarray) -> np.ndarray:
    """Let ground truths choose, one after the other.

    Args:
        turn (np.ndarray): (E, ) when the ground truth of the entry chooses.
        world (np.ndarray): (E, ) entries of different worlds know nothing of
            each other; in a world one ground truth has each turn.
        det (np.ndarray): (E, ) the detection. The entries of one ground truth
            stand in the order of its preference.

    Returns:
        np.ndarray: Entries that were chosen.
    """
    if not len(turn):
        return np.empty(0, dtype=np.intp)
    # One number for each detection of each world.
    span = int(det.max()) + 1
    item, slot = np.unique(world * span + det, return_inverse=True)
    taken = np.zeros(len(item), dtype=bool)
    order = np.lexsort((world, turn))
    edges = np.searchsorted(turn[order], np.arange(turn.max() + 2))
    chosen = []
    for start, end in zip(edges, edges[1:], strict=False):
        entries = order[start:end]
        entries = entries[~taken[slot[entries]]]
        if len(entries):
            first = np.diff(world[entries], prepend=-1) != 0
            entries = entries[first]
            taken[slot[entries]] = True
            chosen.append(entries)
    return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.intp)


def _turn(world: np.ndarray, gt: np.ndarray) -> np.ndarray:
    """Rank of the ground truth of each pair among those of its world.

    Args:
        world (np.ndarray): (P, ) frame or group.
        gt (np.ndarray): (P, ) ascending.
    """
    is_first = np.diff(gt, prepend=-1) != 0
    world_of_gt = world[is_first]
    order = np.argsort(world_of_gt, kind='stable')
    starts = np.searchsorted(world_of_gt[order], world_of_gt[order])
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order)) - starts
    return rank[np.cumsum(is_first) - 1]


def _groups(gt: np.ndarray, det: np.ndarray) -> np.ndarray:
    """Number of the connected group of each pair.

    The lowest number spreads from ground truth to detection and back, until
    nothing changes: a few times, since groups are small.

    Args:
        gt (np.ndarray): (P, ) ascending.
        det (np.ndarray): (P, ).
    """
    is_first = np.diff(gt, prepend=-1) != 0
    of_gt, starts = np.cumsum(is_first) - 1, np.flatnonzero(is_first)
    _, of_det = np.unique(det, return_inverse=True)
    group: np.ndarray = np.arange(len(starts))
    while True:
        lowest = np.full(of_det.max() + 1, len(starts))
        np.minimum.at(lowest, of_det, group[of_gt])
        spread = np.minimum.reduceat(lowest[of_det], starts)
        if (spread == group).all():
            return group[of_gt]
        group = spread


def _chunks(frame: np.ndarray) -> Iterator[slice]:
    """Whole frames, about ``_CHUNK`` pairs at a time, to bound memory."""
    start = 0
    while start < len(frame):
        last = frame[min(start + _CHUNK, len(frame)) - 1]
        end = int(np.searchsorted(frame, last, side='right'))
        yield slice(start, end)
        start = end
