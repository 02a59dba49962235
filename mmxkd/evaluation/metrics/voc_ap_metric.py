"""PASCAL VOC's average precision for any mmdet detector."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmxkd.errors import ConfigError, check_known
from mmxkd.evaluation.functional.voc_ap import (
    AVERAGES,
    VocResult,
    evaluate_voc,
)
from mmxkd.registry import METRICS

from .samples import instances_of


@METRICS.register_module()
class VOCAPMetric(BaseMetric):
    """Average precision by the rules of VOC2007, on the exact boxes.

    mmdet's ``VOCMetric`` adds a pixel to each width and height, as the
    official program does. The published SSD distillation does not.

    Ground truth is taken from the data samples, in pixels of the file: put
    ``LoadAnnotations`` behind ``Resize`` in the test pipeline. Ignored objects
    are VOC's difficult ones.

    The metrics are ``pascal_voc/mAP`` and ``pascal_voc/AP_<class>``, 0..1. A
    class without any object that counts has no AP and is not in the mean.

    Args:
        average (str): ``'11points'`` (VOC2007) or ``'area'`` (since VOC2010).
        min_overlap (float): IoU that a match has to exceed.
        legacy (bool): Reproduce the published program, to compare with its
            tables: rounded scores and boxes that are one pixel off, and an AP
            of -1, which enters the mean, for a class without detections.
        **kwargs: Of mmengine's ``BaseMetric``.

    Raises:
        ConfigError: There is no such average, or no IoU can exceed
            ``min_overlap``.
    """

    default_prefix = 'pascal_voc'

    def __init__(self, average: str = '11points', min_overlap: float = 0.5,
                 legacy: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        check_known('VOCAPMetric: average', average, AVERAGES)
        if not 0 <= min_overlap < 1:
            raise ConfigError(f'VOCAPMetric: min_overlap={min_overlap}, '
                              'expected an IoU from 0 to below 1')
        self.average, self.legacy = average, legacy
        self.min_overlap = min_overlap

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep objects and detections of a batch.

        Raises:
            ConfigError: A sample has no ground truth, or no predictions.
            ValueError: A prediction is NaN or infinite.
        """
        for sample in data_samples:
            self.results.append((_truth_of(sample), _detections_of(sample)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The mean and each class.

        Raises:
            ConfigError: No picture was predicted, or none has an object that
                counts.
        """
        if not results:
            raise ConfigError('VOCAPMetric: no picture was predicted')
        classes = (self.dataset_meta or {}).get('classes', ())
        if not classes:
            raise ConfigError('VOCAPMetric: the dataset says no classes')
        truth, detections = (_numbered(tables)
                             for tables in zip(*results, strict=True))
        found = evaluate_voc(truth, detections, len(classes), self.average,
                             self.min_overlap, self.legacy)
        if not found.num_gt.any():
            raise ConfigError(f'VOCAPMetric: none of {len(results)} pictures '
                              'has an object that counts')
        print_log('\n' + _table(classes, found), 'current')
        scores = {'mAP': found.mean}
        scores.update({
            f'AP_{name}': float(ap)
            for name, ap in zip(classes, found.ap, strict=True)
            if not np.isnan(ap)
        })
        return scores


def _truth_of(sample: Mapping) -> np.ndarray:
    """(G, 6) class, difficult, x1, y1, x2, y2."""
    rows = []
    for difficult, field in enumerate(('gt_instances', 'ignored_instances')):
        if field not in sample:
            raise ConfigError(
                f'VOCAPMetric: the data samples have no {field}: add '
                'LoadAnnotations to the test pipeline, behind Resize')
        boxes, labels = instances_of(_name(sample), sample, field,
                                     ('bboxes', 'labels'))
        rows.append(
            np.column_stack([
                labels,
                np.full(len(labels), float(difficult)),
                boxes.reshape(-1, 4)
            ]))
    return np.concatenate(rows)


def _detections_of(sample: Mapping) -> np.ndarray:
    """(D, 6) class, score, x1, y1, x2, y2."""
    boxes, scores, labels = instances_of(_name(sample), sample,
                                         'pred_instances',
                                         ('bboxes', 'scores', 'labels'))
    return np.column_stack([labels, scores, boxes.reshape(-1, 4)])


def _name(sample: Mapping) -> str:
    return str(sample.get('img_path', sample.get('img_id', '?')))


def _numbered(tables: Sequence[np.ndarray]) -> np.ndarray:
    """All rows, each with the number of its picture in front."""
    return np.concatenate([
        np.column_stack([np.full(len(table), float(number)), table])
        for number, table in enumerate(tables)
    ])


def _table(classes: Sequence[str], found: VocResult) -> str:
    rows = [('class', 'objects', 'detections', 'AP')]
    rows += [
        (name, str(gt), str(number),
         '-' if np.isnan(ap) else f'{100 * ap:.2f}')
        for name, gt, number, ap in zip(
            classes, found.num_gt, found.num_detections, found.ap, strict=True)
    ]
    rows.append(('mean', str(found.num_gt.sum()),
                 str(found.num_detections.sum()), f'{100 * found.mean:.2f}'))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return '\n'.join('  '.join(
        cell.ljust(width) if k == 0 else cell.rjust(width)
        for k, (cell, width) in enumerate(zip(row, widths, strict=True)))
                     for row in rows)
