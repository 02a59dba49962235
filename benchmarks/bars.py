"""The bars of a benchmark: what is asked, what came out, and whether it is
reached."""
import operator
from collections.abc import Iterable
from typing import NamedTuple

_COMPARE = {'>': operator.gt, '>=': operator.ge, '<=': operator.le}


class Bar(NamedTuple):
    """A figure and its bar.

    Attributes:
        what (str): What the figure is.
        figure (float): NaN reaches no bar.
        asked (str): ``'>'``, ``'>='`` or ``'<='``, a space and a number.
    """
    what: str
    figure: float
    asked: str

    @property
    def reached(self) -> bool:
        sign, number = self.asked.split()
        return _COMPARE[sign](self.figure, float(number))


def exit_status(bars: Iterable[Bar]) -> int:
    """Print each bar; 1 if one of them is missed."""
    bars = list(bars)
    width = max(len(bar.what) for bar in bars)
    for bar in bars:
        print(f'{bar.what:{width}}  {bar.figure:7.2f}  bar {bar.asked:7}  '
              f'{"reached" if bar.reached else "MISSED"}')
    return 0 if all(bar.reached for bar in bars) else 1
