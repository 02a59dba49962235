"""Counts of tracks against motmetrics, published numbers and by hand."""
import motmetrics
import numpy as np
import pytest

from mmxkd.evaluation.functional.tracking import TrackingCounts, count_tracks

# Of motmetrics, and ours.
NAMES = dict(num_frames='frames', num_objects='objects',
             num_predictions='predictions', mota='mota', motp='motp',
             num_switches='switches', num_fragmentations='fragmentations',
             num_false_positives='false_positives', num_misses='misses',
             mostly_tracked='mostly_tracked',
             partially_tracked='partially_tracked', mostly_lost='mostly_lost',
             idf1='idf1', idp='idp', idr='idr', num_matches='matches',
             num_unique_objects='unique_objects')
EMPTY = np.zeros((0, 6))


@pytest.fixture(autouse=True)
def name_of_numpy_1(monkeypatch):
    """motmetrics 1.4 calls it; NumPy 2 does not have it."""
    if not hasattr(np, 'asfarray'):
        monkeypatch.setattr(np, 'asfarray', np.float64, raising=False)


def check(counts: TrackingCounts, names, values) -> None:
    for name, value in zip(names, values, strict=True):
        ours = getattr(counts, NAMES[str(name)])
        if isinstance(ours, int):
            assert ours == value, name
        else:
            assert ours == pytest.approx(value, rel=1e-9, nan_ok=True), name


def test_golden(shared_data):
    golden = np.load(shared_data / 'mm_distillnet_golden/tracking.npz',
                     allow_pickle=False)
    counts = [
        count_tracks(golden[f'seq{i}_gt_frame_id_xyxy'],
                     golden[f'seq{i}_pred_frame_id_xyxy_score'], 40)
        for i in range(3)
    ]
    counts.append(counts[0] + counts[1] + counts[2])
    assert set(golden['metric_names']) == set(NAMES)
    for ours, values in zip(counts, golden['values_seq0_seq1_seq2_overall'],
                            strict=True):
        check(ours, golden['metric_names'], values)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Objects that cross, and tracks that lose and exchange them."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for name in range(6):
        start, speed = rng.uniform(0, 90, 2), rng.uniform(-4, 4, 2)
        first, last = sorted(rng.integers(0, 26, 2))
        for t in range(first, last):
            corner = start + speed * t
            truth.append([t, name, *corner, *corner + 30])
            if rng.random() < 0.8:
                noise = rng.normal(0, 4, 4)
                track = 10 + (name + (rng.random() < 0.15)) % 6
                found.append([t, track, *truth[-1][2:] + noise, .5])
    found += [[t, 90 + t, 200, 200, 230, 230, .5] for t in range(3)]
    table = np.array(found)
    _, kept = np.unique(table[:, :2], axis=0, return_index=True)
    return np.array(truth), table[kept]


@pytest.mark.parametrize('seed', range(6))
def test_as_motmetrics(seed):
    truth, found = drawn(seed)
    accumulator = motmetrics.MOTAccumulator()
    for t in range(26):
        a, b = (rows[rows[:, 0] == t] for rows in (truth, found))
        width = [
            np.column_stack([r[:, 2:4], r[:, 4:6] - r[:, 2:4]]) for r in (a, b)
        ]
        accumulator.update(
            a[:, 1], b[:, 1],
            motmetrics.distances.iou_matrix(*width, max_iou=0.5), frameid=t)
    summary = motmetrics.metrics.create().compute(accumulator,
                                                  metrics=list(NAMES))
    check(count_tracks(truth, found, 26), summary.columns,
          summary.iloc[0].tolist())


def line(track: int, frames, x: float = 0) -> np.ndarray:
    return np.array([[t, track, x, 0, x + 10, 10] for t in frames], float)


def test_a_track_is_kept_though_another_is_nearer():
    """The pair of the frame before goes first."""
    truth = line(1, range(2))
    found = np.concatenate([line(5, [0], 2), line(5, [1], 3), line(6, [1])])
    counts = count_tracks(truth, found)
    assert (counts.switches, counts.matches, counts.false_positives) == (0, 2,
                                                                         1)
    # Without a past, the nearest.
    assert count_tracks(truth[1:], found[1:]).distance == 0


def test_as_many_pairs_as_possible():
    """One perfect pair would leave the other object alone."""
    truth = np.concatenate([line(1, [0]), line(2, [0], 3)])
    found = np.concatenate([line(8, [0]), line(9, [0], -3)])
    counts = count_tracks(truth, found)
    assert counts.misses == 0 == counts.false_positives
    assert counts.distance == pytest.approx(2 * (1 - 7 / 13))


def test_gaps():
    truth = line(1, range(9))
    found = line(4, [1, 2, 4, 7])
    counts = count_tracks(truth, found)
    # Lost after 2 and after 4; what is missed at the ends is no gap.
    assert counts.fragmentations == 2
    assert (counts.misses, counts.partially_tracked) == (5, 1)


def test_nothing_found_and_nothing_there():
    counts = count_tracks(line(1, range(3)), EMPTY, 5)
    assert (counts.frames, counts.misses, counts.mota, counts.idf1,
            counts.mostly_lost) == (5, 3, 0, 0, 1)
    assert np.isnan(counts.motp)
    counts = count_tracks(EMPTY, line(1, range(3)))
    assert counts.false_positives == 3 and np.isnan(counts.mota)
    assert np.isnan(count_tracks(EMPTY, EMPTY).idf1)


@pytest.mark.parametrize('truth, frames, message', [
    (np.concatenate(
        [line(1, [3])] * 2), None, 'track 1 has 2 boxes in frame 3'),
    (line(1, [0]) * np.nan, None, 'truth: expected finite rows'),
    (line(1, [0])[:, :5], None, r'got \(1, 5\)'),
    (line(1, range(4)), 3, '4 frames have boxes, expected at most num_frames'),
])
def test_wrong_tables_are_refused(truth, frames, message):
    with pytest.raises(ValueError, match=message):
        count_tracks(truth, EMPTY, frames)
