"""How a training went, from the log that mmengine keeps of it."""
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from mmxkd.errors import CorruptSampleError
from mmxkd.io.text import read_lines

#: Points of a curve; a longer one is averaged in bins.
POINTS = 60
#: How a logged score ends, and what makes it percent.
SCORES = {'bbox_mAP': 100.0, 'Car_3d_AP40_moderate_strict': 1.0}
Curve = list[tuple[float, float]]


@dataclass
class Curves:
    """Of one run.

    Attributes:
        loss (list[tuple[float, float]]): Iteration and total loss.
        score (list[tuple[float, float]]): Epoch or iteration of each
            validation, and its score in percent.
    """
    loss: Curve = field(default_factory=list)
    score: Curve = field(default_factory=list)


def read_curves(run: Path) -> Curves:
    """Loss and score of a run, which may have been resumed.

    Args:
        run (Path): Its work directory. Where there is no log in it, e.g. of
            detections that were copied, the curves are empty.

    Raises:
        CorruptSampleError: A line of the log cannot be read; the last line
            may be cut off, where the run was killed.
    """
    loss: dict[float, float] = {}
    score: dict[float, float] = {}
    for path in sorted(run.glob('*/vis_data/scalars.json')):
        lines = read_lines(path, 'log')
        for number, text in lines:
            try:
                line = json.loads(text)
                step = float(line['step'])
            except (ValueError, KeyError, TypeError) as error:
                if number == lines[-1][0]:
                    continue
                raise CorruptSampleError(
                    path, 'log', f'line {number} is not a JSON object with '
                    "'step'") from error
            # What was run again after a resume replaces what was lost.
            if 'loss' in line:
                loss[step] = float(line['loss'])
            for key, value in line.items():
                for end, factor in SCORES.items():
                    if key.endswith(end):
                        score[step] = factor * float(value)
    # What is not finite has no place on an axis.
    loss = {x: y for x, y in loss.items() if math.isfinite(y)}
    return Curves(thin(sorted(loss.items())), sorted(score.items()))


def thin(curve: Curve, points: int = POINTS) -> Curve:
    """Average a curve in at most ``points`` bins of equal length.

    Examples:
        >>> thin([(1, 4.0), (2, 2.0), (3, 1.0), (4, 1.0)], 2)
        [(1.5, 3.0), (3.5, 1.0)]
    """
    if len(curve) <= points:
        return curve
    size = -(-len(curve) // points)
    bins = [curve[i:i + size] for i in range(0, len(curve), size)]
    return [(sum(x for x, _ in part) / len(part),
             sum(y for _, y in part) / len(part)) for part in bins]
