"""What a few seeds allow to say: pure functions of scores by seed."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: mAP in percent, by seed.
Scores = Mapping[int, float]

LEVEL = 0.95
DRAWS = 10_000
#: Up to this number of seeds, all resamples are taken instead of some.
EXACT = 5


@dataclass(frozen=True)
class Estimate:
    """A number and how far it may be off.

    Attributes:
        value (float): The number.
        low, high (float | None): Ends of the interval; None where there is
            none, e.g. because of a single seed.
    """
    value: float
    low: float | None = None
    high: float | None = None


def common_seeds(*scores: Scores) -> list[int]:
    """The seeds that all of them have, in order.

    Raises:
        ValueError: There is none.
    """
    seeds = sorted(set.intersection(*(set(s) for s in scores)))
    if not seeds:
        raise ValueError('no seed is common to '
                         + ' and '.join(str(sorted(s)) for s in scores))
    return seeds


def resamples(number: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Indices of bootstrap samples: seeds drawn with replacement.

    Args:
        number (int): Of seeds. Up to :data:`EXACT` of them, each of the
            n^n resamples is there once; so the interval has no random error.
        draws (int): How many, for more seeds.
        seed (int): Of these draws.

    Returns:
        np.ndarray: (R, number) int.

    Examples:
        >>> resamples(2).tolist()
        [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    if number <= EXACT:
        grid = np.indices((number, ) * number)
        return grid.reshape(number, -1).T
    return np.random.default_rng(seed).integers(0, number, (draws, number))


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The middle share ``level`` of bootstrap values (percentiles)."""
    tail = 50 * (1 - level)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def paired_difference(scores: Scores, others: Scores) -> Estimate:
    """Mean of score − other of the same seed, with a bootstrap interval.

    Examples:
        >>> paired_difference({0: 3., 1: 5.}, {0: 1., 1: 1.})
        Estimate(value=3.0, low=2.075, high=3.925)
    """
    seeds = common_seeds(scores, others)
    differences = np.array([scores[s] - others[s] for s in seeds])
    if len(seeds) == 1:
        return Estimate(float(differences[0]))
    means = differences[resamples(len(seeds))].mean(1)
    return Estimate(float(differences.mean()), *interval(means))


def wins(scores: Scores, others: Scores) -> tuple[int, int]:
    """In how many of the common seeds it is better, and their number."""
    seeds = common_seeds(scores, others)
    return sum(scores[s] > others[s] for s in seeds), len(seeds)


def share_of_gap(scores: Scores, baseline: Scores,
                 top: Scores) -> Estimate | None:
    """Which share of the way from the baseline to the top is gone, in %.

    A ratio of means over the common seeds. A mean of ratios by seed would
    let a seed with a small gap outweigh all others.

    Args:
        scores, baseline, top (dict[int, float]): By seed; ``top`` are those
            of the teacher, or of what can be reached with human labels.

    Returns:
        Estimate | None: Its interval is that of a paired bootstrap over
        seeds: all three are resampled alike. A single seed has none. None
        where there is no gap in the mean, or in some resample: a share of
        nearly nothing would be any number.

    Examples:
        >>> share_of_gap({0: 25.}, {0: 20.}, {0: 40.})
        Estimate(value=25.0, low=None, high=None)
    """
    seeds = common_seeds(scores, baseline, top)
    gain = np.array([scores[s] - baseline[s] for s in seeds])
    gap = np.array([top[s] - baseline[s] for s in seeds])
    if gap.mean() <= 0:
        return None
    value = 100 * float(gain.mean() / gap.mean())
    if len(seeds) == 1:
        return Estimate(value)
    drawn = resamples(len(seeds))
    gaps = gap[drawn].mean(1)
    if gaps.min() <= 0:
        return None
    return Estimate(value, *interval(100 * gain[drawn].mean(1) / gaps))


def best_of(candidates: Sequence[str], scores: Mapping[str, Scores]) -> str:
    """The candidate with the highest mean; of equal ones the first.

    Args:
        candidates (Sequence[str]): Arms, e.g. several lengths of one.
        scores (dict): Of each, in the split that may be looked at.

    Examples:
        >>> best_of(['short', 'long'], dict(short={0: 1.}, long={0: 2.}))
        'long'
    """
    return max(candidates,
               key=lambda n: float(np.mean(list(scores[n].values()))))
