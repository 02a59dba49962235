"""What a converter left out of a data set, and why: one table at its end."""
from collections import Counter, defaultdict

from mmxkd.io.escape import escape

_LONGEST = 48


class LeftOut:
    """Counts of what was left out, or changed, by class and reason.

    Examples:
        >>> left_out = LeftOut()
        >>> left_out.add('train', 'Pedestrian', 'has no area', 2)
        >>> print(left_out.table())
        left out    why          train
        Pedestrian  has no area      2
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str],
                           Counter[str]] = defaultdict(Counter)
        self._splits: dict[str, None] = {}

    def add(self, split: str, name: str, why: str, count: int = 1) -> None:
        """Count objects, or frames.

        Args:
            split (str): The split that they would belong to.
            name (str): Their class, as the labels have it.
            why (str): The reason, in a few words.
            count (int): How many.
        """
        self._splits.setdefault(split)
        if count:
            self._counts[name, why][split] += count

    def counts(self, split: str | None = None) -> dict[tuple[str, str], int]:
        """Numbers by class and reason, of a split or of all."""
        found = {
            key: counts.total() if split is None else counts[split]
            for key, counts in sorted(self._counts.items())
        }
        return {key: number for key, number in found.items() if number}

    def table(self) -> str:
        """The table, or one line where nothing was left out.

        Class names come from files: they are escaped.
        """
        if not self._counts:
            return 'left out: nothing'
        splits = list(self._splits)
        rows = [['left out', 'why', *splits]]
        for (name, why), counts in sorted(self._counts.items()):
            shown = escape(name)
            if len(shown) > _LONGEST:
                shown = shown[:_LONGEST] + '…'
            rows.append(
                [shown, escape(why), *(str(counts[s]) for s in splits)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return '\n'.join('  '.join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True)))
                         for row in rows)
