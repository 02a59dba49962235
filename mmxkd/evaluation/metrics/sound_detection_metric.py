"""Detections by sound, measured as in MM-DistillNet's tables."""
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmxkd.errors import ConfigError, check_number
from mmxkd.evaluation.functional.mm_distillnet import (
    THRESHOLDS,
    average_precision,
    centre_distance,
)
from mmxkd.formats.pseudo_labels import WRITTEN_BY
from mmxkd.registry import METRICS

from .parts import compile_parts, members_of
from .samples import image_size_of, instances_of


@METRICS.register_module()
class SoundDetectionMetric(BaseMetric):
    """AP over thresholds 0.50 to 0.90, and distances of centres, in percent.

    The true boxes are ``gt_instances`` of the samples: human labels,
    synthetic truth, or what teachers find; ``truth`` says which, and is
    printed with the numbers. For COCO's AP use mmdet's ``CocoMetric`` beside
    it: this one leaves out frames without true boxes.

    Args:
        truth (str): What the true boxes are, e.g. ``'human labels'``. Where
            the file of the boxes names teachers, as ``tools/label.py`` writes
            it, they are printed in its place.
        score_thr (float): Predictions below are left out, as published. With
            mmdet's usual 0.05, numbers are not comparable with the paper's.
        size (tuple[float, float], optional): Width and height in pixels that
            distances are parts of; None: those of each image. The published
            numbers are parts of the width on both axes.
        parts (dict[str, str], optional): Names of parts of the data, and
            regular expressions that their frames' paths match, e.g.
            ``dict(day='_day_', night='_night_')``. Each part has numbers of
            its own too.
        as_published (bool): CDx and CDy compare widths and heights of boxes,
            not their centres.
        collect_device (str): Of mmengine's ``BaseMetric``.
        prefix (str, optional): Likewise.

    Raises:
        ConfigError: An argument is not valid; a sample lacks true boxes,
            predictions or a path; a detector predicts classes that the
            data set does not have; or no frame at all has a true box.
        ValueError: A prediction is not finite.

    Source: the method's sheet, section 7.
    """

    default_prefix = 'sound'

    def __init__(self, truth: str, score_thr: float = 0.3,
                 size: tuple[float, float] | None = None,
                 parts: Mapping[str, str] | None = None,
                 as_published: bool = False, collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device, prefix)
        check_number('SoundDetectionMetric: score_thr', score_thr, 0, 1)
        if size is not None:
            if not isinstance(size, Sequence) or len(size) != 2:
                raise ConfigError(f'SoundDetectionMetric: size={size!r}, '
                                  'expected width and height')
            for axis, value in zip(('width', 'height'), size, strict=True):
                check_number(f'SoundDetectionMetric: {axis} of size', value,
                             above=0)
        self.truth, self.score_thr = truth, score_thr
        self.size, self.as_published = size, as_published
        self.writers: set[str] = set()
        self.parts = compile_parts('SoundDetectionMetric', parts)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what is needed of a batch."""
        for sample in data_samples:
            path = path_of(sample)
            self.writers.update(sample.get(WRITTEN_BY) or ())
            boxes, scores, labels = instances_of(
                path, sample, 'pred_instances', ('bboxes', 'scores', 'labels'))
            self._check_labels(path, labels)
            order = np.argsort(-scores, kind='stable')
            order = order[scores[order] > self.score_thr]
            found = np.column_stack([boxes, scores, labels])[order]
            boxes, labels = instances_of(path, sample, 'gt_instances',
                                         ('bboxes', 'labels'))
            size = (self.size if self.size is not None else image_size_of(
                path, sample))
            self.results.append((path, found, np.column_stack([boxes,
                                                               labels]), size))

    def _check_labels(self, path: str, labels: np.ndarray) -> None:
        """Else a detector of 20 classes has an AP of 0 on data of one."""
        classes = (self.dataset_meta or {}).get('classes')
        if classes is None or not labels.size or labels.max() < len(classes):
            return
        raise ConfigError(
            f'SoundDetectionMetric: frame {path}: the model predicts class '
            f'{int(labels.max())}, but the data set has {len(classes)}: '
            f'{tuple(classes)!r:.200}; is num_classes of the head another '
            'one?')

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Numbers of all frames, and of each part."""
        if not any(len(truth) for _, _, truth, _ in results):
            raise ConfigError(
                f'SoundDetectionMetric: none of {len(results)} frames has a '
                f'true box, so that nothing can be measured; true boxes are '
                f'of: {truth_told(self.truth, self.writers)}')
        found = self._numbers(results)
        for name, pattern in self.parts.items():
            chosen = members_of('SoundDetectionMetric', name, pattern,
                                [r[0] for r in results])
            found.update({
                f'{name}_{key}': value
                for key, value in self._numbers([results[i]
                                                 for i in chosen]).items()
            })
        print_log(
            'SoundDetectionMetric: true boxes are of: '
            f'{truth_told(self.truth, self.writers)}; {len(results)} frames',
            logger='current')
        return found

    def _numbers(self, results: list) -> dict[str, float]:
        predictions = [r[1] for r in results]
        truth = [r[2] for r in results]
        at = average_precision(predictions, truth)
        half, three_quarters = THRESHOLDS.index(0.5), THRESHOLDS.index(0.75)
        distances = [
            centre_distance([p], [t], size, self.as_published)
            for _, p, t, size in results
        ]
        rows = np.concatenate(distances)
        x, y = rows.mean(axis=0) if len(rows) else (np.nan, np.nan)
        numbers = dict(AP=np.mean([p.ap for p in at]), AP50=at[half].ap,
                       AP75=at[three_quarters].ap,
                       precision=at[half].precision, recall=at[half].recall,
                       F1=at[half].f1, CDx=x, CDy=y)
        return {key: 100 * float(value) for key, value in numbers.items()}


def truth_told(stated: str, writers: Collection[str]) -> str:
    """What true boxes are: the teachers that wrote them, else as stated.

    Examples:
        >>> truth_told('synthetic drives', {'thermal', 'rgb'})
        'the teachers rgb, thermal, who wrote the file'
        >>> truth_told('synthetic drives', ())
        'synthetic drives'
    """
    if not writers:
        return stated
    return f'the teachers {", ".join(sorted(writers))}, who wrote the file'


def path_of(sample: Mapping) -> str:
    """What names a frame: its picture, or the sound of its first microphone.

    Raises:
        ConfigError: The sample names neither.
    """
    for key in ('img_path', 'audio_path', 'audio_paths'):
        value = sample.get(key)
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        if isinstance(value, str):
            return value
    raise ConfigError(
        "a prediction has none of 'img_path', 'audio_path' and "
        "'audio_paths': add one to the meta_keys of the packing transform")
