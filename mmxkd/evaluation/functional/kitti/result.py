"""What an evaluation gives: curves, averages, a table."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mmxkd.errors import did_you_mean
from mmxkd.formats.kitti.difficulty import DIFFICULTIES

from .curves import Curve

#: KITTI cannot give 100 below this: 41 thresholds need 41 detections.
ENOUGH = 41

_RECALLS = (('AP40', 'AP_R40'), ('AP11', 'AP_R11'))


class Scalars(dict[str, float]):
    """Numbers by name; a name that was not evaluated is answered.

    Examples:
        >>> Scalars(Car_bbox_AP40_easy_strict=1.0)['Car_3d_AP40_easy_strict']
        Traceback (most recent call last):
        ...
        KeyError: "no number 'Car_3d_AP40_easy_strict'; evaluated were the \
metrics bbox of Car (strict); did you mean 'Car_bbox_AP40_easy_strict'?"
    """

    def __missing__(self, name: str) -> float:
        parts = [
            key.split('_') for key in self
            if '_AP' in key and not key.startswith('Overall')
        ]
        classes, metrics, overlaps = (', '.join(
            dict.fromkeys(part[i] for part in parts)) for i in (0, 1, -1))
        evaluated = (f'evaluated were the metrics {metrics} of {classes} '
                     f'({overlaps})' if parts else 'nothing was evaluated')
        raise KeyError(f'no number {name!r}; {evaluated}; '
                       + did_you_mean(str(name), self))


@dataclass(frozen=True)
class KittiResult:
    """Result of :func:`~.evaluate.evaluate`.

    Attributes:
        curves (Sequence[Curve]): Of each class, metric, overlap and
            difficulty.
        notes (Sequence[str]): What was left out or is not defined.
        num_frames (int): Frames that were evaluated.
        classes (Sequence[str]): Classes that were asked for.
    """

    curves: Sequence[Curve]
    notes: Sequence[str]
    num_frames: int
    classes: Sequence[str]

    @property
    def warnings(self) -> list[str]:
        """Everything that one has to know to read the numbers."""
        few = [
            f'{class_name} {difficulty} {num_gt}'
            for (class_name, difficulty), num_gt in self.num_gt.items()
            if num_gt < ENOUGH
        ]
        if not few:
            return list(self.notes)
        return [
            *self.notes, f'with fewer than {ENOUGH} ground truths even a '
            f'perfect detector has an AP below 100: {", ".join(few)}'
        ]

    @property
    def num_gt(self) -> dict[tuple[str, str], int]:
        """Ground truths to be found, by class and difficulty."""
        return {(curve.class_name, curve.difficulty): curve.num_gt
                for curve in self.curves}

    def curve(self, metric: str, class_name: str, difficulty: str,
              overlap: str = 'strict') -> Curve:
        """One curve.

        Raises:
            KeyError: It was not evaluated.
        """
        wanted = (metric, class_name, difficulty, overlap)
        for curve in self.curves:
            if _key(curve) == wanted:
                return curve
        raise KeyError(f'no curve {wanted}; evaluated were '
                       f'{sorted(map(_key, self.curves))}')

    def scalars(self) -> Scalars:
        """Numbers under one name each, for logs and ``save_best``.

        ``Car_3d_AP40_moderate_strict`` is an AP in percent, ``Overall_…`` its
        mean over the classes where each of them has one, and
        ``n_gt_Car_moderate`` the number of ground truths to be found. Asked
        for another name, it says in a KeyError which there are.
        """
        scalars = Scalars()
        groups: dict[str, list[float]] = {}
        for name, _ in _RECALLS:
            for curve in self.curves:
                average = curve.ap40 if name == 'AP40' else curve.ap11
                rest = (f'{curve.metric}_{name}_{curve.difficulty}_'
                        f'{curve.overlap}')
                scalars[f'{curve.class_name}_{rest}'] = average
                groups.setdefault(rest, []).append(average)
        for rest, averages in groups.items():
            if len(averages) == len(self.classes):
                scalars[f'Overall_{rest}'] = sum(averages) / len(averages)
        for (class_name, difficulty), num_gt in self.num_gt.items():
            scalars[f'n_gt_{class_name}_{difficulty}'] = num_gt
        return scalars

    def to_dict(self) -> dict[str, Any]:
        """Everything, of plain types, for JSON."""
        return {
            'num_frames': self.num_frames, 'scalars': self.scalars(),
            'warnings': self.warnings, 'curves': [{
                'metric': curve.metric,
                'class': curve.class_name,
                'difficulty': curve.difficulty,
                'overlap': curve.overlap,
                'min_overlap': curve.min_overlap,
                'n_gt': curve.num_gt,
                'values': curve.values.tolist(),
                'thresholds': curve.thresholds.tolist(),
            } for curve in self.curves]
        }

    def table(self) -> str:
        """The numbers as users know them, with n_gt and the protocol."""
        levels = [level.name for level in DIFFICULTIES]
        heading = ''.join(f'{level:>10}' for level in levels)
        blocks = [f'KITTI 2019, {self.num_frames} frames, AP in percent']
        for class_name in dict.fromkeys(c.class_name for c in self.curves):
            blocks.append(f'{class_name:<32}{heading}')
            blocks.append(
                _row('n_gt', (f'{self.num_gt[class_name, level]:d}'
                              for level in levels)))
            rows = dict.fromkeys((curve.overlap, curve.metric)
                                 for curve in self.curves
                                 if curve.class_name == class_name)
            for name, title in _RECALLS:
                for overlap, metric in rows:
                    curves = [
                        self.curve(metric, class_name, level, overlap)
                        for level in levels
                    ]
                    blocks.append(
                        _row(
                            f'{metric:<5}{title} @{curves[0].min_overlap:.2f} '
                            f'({overlap})',
                            (f'{c.ap40 if name == "AP40" else c.ap11:.4f}'
                             for c in curves)))
        return '\n'.join(blocks)


def _key(curve: Curve) -> tuple[str, str, str, str]:
    return curve.metric, curve.class_name, curve.difficulty, curve.overlap


def _row(title: str, cells: Iterable[str]) -> str:
    return f'  {title:<30}' + ''.join(f'{cell:>10}' for cell in cells)
