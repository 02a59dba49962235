"""What a conversion of MAVD found: bad files, and what is to be known."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmxkd.formats.mavd.layout import FrameId

SHORT = 'the nanoseconds of its stamp have fewer than 9 digits'
NO_LIGHTING = 'the name of its drive says neither day nor night (kept)'
NO_THERMAL = 'has no thermal picture (kept)'
NO_DEPTH = 'has no depth picture (kept)'
# Behind the number of them, in the sums.
WINDOWS = 'windows of sound'


@dataclass
class Report:
    """What a conversion found.

    Attributes:
        frames: In the index, by split.
        bad: ``frame``, ``file`` and ``reason`` of each bad file.
        told: Ids of frames by split and by what is to be said of them.
        totals: Sums over all frames: clipped samples, resampled files, …
    """

    frames: dict[str, int] = field(default_factory=dict)
    bad: list[dict[str, str]] = field(default_factory=list)
    told: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)

    def tell(self, split: str, what: str, frame: FrameId) -> None:
        """Note something of a frame."""
        self.told.setdefault(split, {}).setdefault(what, []).append(str(frame))

    def add(self, what: str, number: int) -> None:
        """Add to a sum; 0 does not begin one."""
        if number:
            self.totals[what] = self.totals.get(what, 0) + number

    def count(self, result: Mapping[str, Any]) -> None:
        """Add what one frame gave."""
        self.add('clipped samples', result['clipped'])
        self.add('frames with clipped sound', int(result['clipped'] > 0))
        # Microphones of one frame may differ.
        for rate in result['rates']:
            self.add(f'frames of sound at {rate} Hz', 1)
        if result.get('windows') is not None:
            self.add(f'frames of {result["windows"]} {WINDOWS}', 1)
        if result['thermal_bits'] is not None:
            self.add(f'frames with thermal of {result["thermal_bits"]} bits',
                     1)


class BadFilesError(ValueError):
    """Some frames cannot be used, and no index was written.

    Args:
        report (Report): Names them all.
        path (Path): Where it was written to.
    """

    def __init__(self, report: Report, path: Path) -> None:
        self.report, self.path = report, path
        first = report.bad[0]
        super().__init__(
            f'{len(report.bad)} files cannot be used, of the frame '
            f'{first["frame"]}: {first["file"]}: {first["reason"]}; … All '
            f'are in {path}. Repair them and run again, which goes on where '
            'it was, or leave their frames out with --leave-out-bad')


def check_splits_apart(splits: Mapping[str, Sequence[FrameId]]) -> list[str]:
    """What is to be told of frames that are in two splits.

    The split files are the publisher's, so that this is not an error.
    """
    names = list(splits)
    told = []
    for i, first in enumerate(names):
        for second in names[i + 1:]:
            both = sorted(map(str, {*splits[first]} & {*splits[second]}))
            if both:
                told.append(f'{len(both)} frames are in {first} and in '
                            f'{second}, the first of them {both[0]}')
    return told
