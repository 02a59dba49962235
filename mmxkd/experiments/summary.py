"""What a table of scores says: means, shares of gaps, paired differences."""
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .scores import Table
from .statistics import (
    Estimate,
    best_of,
    paired_difference,
    share_of_gap,
    wins,
)


@dataclass(frozen=True)
class Cell:
    """One arm in one split.

    Attributes:
        scores (dict[int, float]): mAP in percent, by seed.
        mean (float): Of these.
        deviation (float | None): Of these (n - 1); None for a single seed.
        gap (Estimate | None): Share of the gap to the teacher in %.
        reachable (Estimate | None): Share of the gap to the arm that shows
            what can be reached.
        difference (Estimate): To the baseline, seed by seed.
        wins (tuple[int, int]): Seeds in which it is better, of how many.
    """
    scores: Mapping[int, float]
    mean: float
    deviation: float | None
    gap: Estimate | None
    reachable: Estimate | None
    difference: Estimate
    wins: tuple[int, int]


@dataclass(frozen=True)
class Summary:
    """All arms in all splits, against the best teacher and baseline.

    Attributes:
        splits (list[str]): Columns of the table; the last is reported.
        teacher, baseline (str): The best of their candidates.
        reachable (str | None): Likewise; None where there is none.
        arms (dict[str, dict[str, Cell]]): By arm and split.
        candidates (dict[str, list[str]]): Of each end of the gap, where
            there were several.
        score (str): What the number is called.
        unit (str): What it is, a sentence.
    """
    splits: list[str]
    teacher: str
    baseline: str
    reachable: str | None
    arms: dict[str, dict[str, Cell]]
    candidates: dict[str, list[str]] = field(default_factory=dict)
    score: str = 'mAP'
    unit: str = 'mAP is COCO AP@[.50:.95] in %.'

    @property
    def chosen_on(self) -> str:
        """The column that chooses: the last one of the first split."""
        return choosing(self.splits)

    @property
    def ends(self) -> list[str]:
        """The arms that the gap lies between."""
        return [self.teacher, self.baseline]


def choosing(columns: Sequence[str]) -> str:
    """The column by which arms are chosen, so that no other split is.

    Args:
        columns (Sequence[str]): Each is a split, or a split and which part or
            score of it; the last one of a split is the one that counts.

    Examples:
        >>> choosing(['val', 'test'])
        'val'
        >>> choosing(['val day', 'val night', 'val', 'test day', 'test'])
        'val'
        >>> choosing(['val loose', 'val strict'])
        'val strict'
    """
    first = columns[0].split()[0]
    return [name for name in columns if name.split()[0] == first][-1]


def summarise(
    table: Table, teacher: Sequence[str], baseline: Sequence[str],
    reachable: Sequence[str] = ()) -> Summary:
    """Choose teacher and baseline, and compare every arm with them.

    Args:
        table (dict): mAP by arm, split and seed.
        teacher, baseline, reachable (Sequence[str]): Candidates, e.g. of
            several lengths. The one that is best in the mean of
            :func:`choosing` is taken, so that the last split is not looked
            at.

    Raises:
        ValueError: Two arms have no seed in common.
    """
    splits = list(next(iter(table.values())))
    first = {name: values[choosing(splits)] for name, values in table.items()}
    given = dict(teacher=teacher, baseline=baseline, reachable=reachable)
    best = {
        key: best_of(names, first) for key, names in given.items() if names
    }
    top = best.get('reachable')
    arms: dict[str, dict[str, Cell]] = {}
    for name, values in table.items():
        arms[name] = {}
        for split, scores in values.items():
            base = table[best['baseline']][split]
            numbers = list(scores.values())
            arms[name][split] = Cell(
                scores, statistics.mean(numbers),
                statistics.stdev(numbers) if len(numbers) > 1 else None,
                share_of_gap(scores, base, table[best['teacher']][split]),
                None if top is None else share_of_gap(scores, base,
                                                      table[top][split]),
                paired_difference(scores, base), wins(scores, base))
    return Summary(
        splits, best['teacher'], best['baseline'], top, arms,
        {key: list(names) for key, names in given.items() if len(names) > 1})


def show(estimate: Estimate | None, digits: int = 0, unit: str = ' %',
         sign: bool = False) -> str:
    """An estimate with its interval; ``'no gap'`` for None.

    Examples:
        >>> show(Estimate(33.3, 20.0, 41.5)), show(None)
        ('33 % [20, 42]', 'no gap')
        >>> show(Estimate(1.25), 1, '', sign=True)
        '+1.2'
    """
    if estimate is None:
        return 'no gap'
    plus = '+' if sign else ''
    text = f'{estimate.value:{plus}.{digits}f}{unit}'
    if estimate.low is not None:
        text += (f' [{estimate.low:{plus}.{digits}f}, '
                 f'{estimate.high:{plus}.{digits}f}]')
    return text
