"""How often the number of vehicles is right."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmxkd.errors import ConfigError
from mmxkd.formats.pseudo_labels import WRITTEN_BY
from mmxkd.registry import METRICS

from .parts import compile_parts, members_of
from .samples import instances_of
from .sound_detection_metric import path_of, truth_told


@METRICS.register_module()
class CountMetric(BaseMetric):
    """Accuracy in percent and mean absolute error of predicted counts.

    For :class:`mmxkd.VehicleCounter`, whose last class means "that many or
    more": true counts above it are taken as it.

    ======================= =============================================
    ``accuracy``            frames whose count is right, percent
    ``most_frequent``       what one would reach who always says the most
                            frequent count of these frames, percent
    ``mean_absolute_error`` vehicles
    ======================= =============================================

    Args:
        truth (str): What the counted boxes are; it is printed with the
            numbers. Teachers that the file of the boxes names are printed in
            its place.
        parts (dict[str, str], optional): Names of parts of the data, and
            regular expressions that their frames' paths match, e.g.
            ``dict(day='_day_', night='_night_')``. Each part has numbers of
            its own too.
        collect_device (str): Of mmengine's ``BaseMetric``.
        prefix (str, optional): Likewise.

    Raises:
        ConfigError: An expression is not valid or matches no frame; or a
            sample lacks true boxes, a predicted count or a path.
    """

    default_prefix = 'count'

    def __init__(self, truth: str, parts: Mapping[str, str] | None = None,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device, prefix)
        self.truth = truth
        self.writers: set[str] = set()
        self.parts = compile_parts('CountMetric', parts)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep both counts of each frame of a batch."""
        for sample in data_samples:
            path = path_of(sample)
            self.writers.update(sample.get(WRITTEN_BY) or ())
            for key in ('pred_count', 'count_scores'):
                if key not in sample:
                    raise ConfigError(
                        f'frame {path}: the model predicted no {key!r}; '
                        'mmxkd.VehicleCounter does')
            (boxes, ) = instances_of(path, sample, 'gt_instances',
                                     ('bboxes', ))
            last = len(sample['count_scores']) - 1
            self.results.append(
                (path, int(sample['pred_count']), min(len(boxes), last)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Numbers of all frames, and of each part."""
        names = [name for name, _, _ in results]
        counts = np.array([both for _, *both in results])
        found = numbers_of(counts)
        for part, pattern in self.parts.items():
            chosen = members_of('CountMetric', part, pattern, names)
            found.update({
                f'{part}_{key}': value
                for key, value in numbers_of(counts[chosen]).items()
            })
        print_log(
            'CountMetric: counted boxes are of: '
            f'{truth_told(self.truth, self.writers)}; {len(results)} frames',
            logger='current')
        return found


def numbers_of(counts: np.ndarray) -> dict[str, float]:
    """The metric's numbers.

    Args:
        counts (np.ndarray): (N, 2) int, predicted and true; N above 0.

    Examples:
        >>> numbers_of(np.array([[0, 0], [2, 1], [1, 3], [1, 1]]))
        {'accuracy': 50.0, 'most_frequent': 50.0, 'mean_absolute_error': 0.75}
    """
    predicted, true = counts.T
    return dict(accuracy=100 * float((predicted == true).mean()),
                most_frequent=100 * float(np.bincount(true).max()) / len(true),
                mean_absolute_error=float(np.abs(predicted - true).mean()))
