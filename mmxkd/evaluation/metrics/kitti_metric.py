"""What the KITTI metrics of 2-D and of 3-D detectors have in common."""
import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmxkd.errors import ConfigError, check_name, did_you_mean
from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti import (
    CLASSES,
    KittiInfos,
    KittiObjects,
    read_labels,
    write_results,
)

from .samples import frame_id_of


@dataclass(frozen=True)
class FramePrediction:
    """What a detector found in one frame.

    Attributes:
        frame_id: KITTI's id.
        columns: Columns of :class:`KittiObjects`.
        dropped: Numbers of detections that are not evaluated, by reason.
    """

    frame_id: str
    columns: dict[str, Any]
    dropped: dict[str, int]


class KittiMetric(BaseMetric):
    """Base of the KITTI metrics.

    Only frames that were predicted are evaluated, so that a metric works on
    any part of a data set.

    Args:
        label_dir (str, optional): Folder of label files, KITTI's ``label_2``.
        ann_file (str, optional): ``kitti_infos_*.json``, as the converter
            writes it.
        classes (Sequence[str], optional): Those of Car, Pedestrian and
            Cyclist to evaluate. Default: all that the data set has.
        submission_prefix (str, optional): Folder to write the results to, as
            the test server wants them: ``<folder>/data/<frame id>.txt``.
        format_only (bool): Only write the results; no ground truth is needed.
        **kwargs: Of mmengine's ``BaseMetric``.

    Raises:
        ConfigError: The arguments do not fit each other, name an unknown
            class, or a file that does not exist.
    """

    default_prefix = 'kitti'
    metrics: Sequence[str] = ('bbox', )
    overlaps: Sequence[str] = ('strict', )
    orientation = True

    def __init__(self, label_dir: str | None = None,
                 ann_file: str | None = None,
                 classes: Sequence[str] | None = None,
                 submission_prefix: str | None = None,
                 format_only: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        if format_only and not submission_prefix:
            raise ConfigError(f'{name}: format_only needs submission_prefix, '
                              'the folder to write to')
        if not (format_only or label_dir or ann_file):
            raise ConfigError(f'{name}: expected ground truth: label_dir, a '
                              'folder of label files, or ann_file, infos of '
                              'the converter')
        # Found now, and not at the end of the first epoch.
        for place in (submission_prefix, f'{submission_prefix}/data'):
            if submission_prefix and Path(str(place)).is_file():
                raise ConfigError(f'{name}: submission_prefix: {place} is a '
                                  'file, expected a folder to write to')
        if label_dir and not Path(label_dir).is_dir():
            raise ConfigError(f'{name}: label_dir: no folder {label_dir}')
        check_names(name, 'classes', classes or CLASSES, CLASSES)
        if label_dir and not any(Path(label_dir).glob('*.txt')):
            raise ConfigError(f'{name}: label_dir: no label file in '
                              f'{label_dir}')
        self.label_dir = label_dir
        self.infos = KittiInfos(ann_file) if ann_file else None
        needs_labels = not label_dir and not format_only
        if self.infos and self.infos.split == 'test' and needs_labels:
            raise ConfigError(
                f'{name}: {ann_file} is of the test split, which has no '
                'labels: only write results, with format_only=True')
        self.classes = classes
        self.submission_prefix = submission_prefix
        self.format_only = format_only
        #: KITTI's name of each label, '' where KITTI does not evaluate it.
        self.names = np.array([], dtype=str)

    @property
    def dataset_meta(self) -> dict | None:
        """Meta data of the data set, its ``classes`` among them."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        known = {name.lower(): name for name in CLASSES}
        names = dataset_meta.get('classes', ())
        self.names = np.array([known.get(n.lower(), '') for n in names])
        evaluated = [c for c in CLASSES if c in self.names]
        if not evaluated:
            raise ConfigError(
                f'none of the classes of the data set, {tuple(names)}, is one '
                f'of KITTI: {CLASSES}')
        for name in self.classes or ():
            if name not in evaluated:
                raise ConfigError(
                    f'classes: the data set has no {name!r}, but '
                    f'{tuple(names)}')
        self.evaluated = self.classes or evaluated
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the predictions of a batch.

        Raises:
            ConfigError: A prediction lacks what is needed.
            ValueError: A prediction is NaN or infinite, or its size negative.
        """
        for sample in data_samples:
            self.results.append(self.convert(frame_id_of(sample), sample))

    @abstractmethod
    def convert(self, frame_id: str, sample: Mapping) -> FramePrediction:
        """Predictions of one frame in KITTI's terms."""

    def names_of(self, frame_id: str, labels: np.ndarray) -> np.ndarray:
        """KITTI's names of predicted labels, (N,) str; '' for none."""
        index = labels.astype(int)
        bad = index[(index < 0) | (index >= len(self.names))]
        if bad.size:
            raise ValueError(
                f'frame {frame_id}: the label {bad[0]} was predicted, the '
                f'data set has {len(self.names)} classes')
        return self.names[index]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Evaluate, and write the results where asked to.

        Returns:
            dict[str, float]: As :meth:`KittiResult.scalars` names them; empty
            with ``format_only``.

        Raises:
            ConfigError: No frame or one without ground truth was predicted,
                or the folder of the results holds other ones.
            ValueError: A frame was predicted twice.
        """
        detections = self._gather(results)
        if self.submission_prefix:
            self._write(detections)
        if self.format_only:
            return {}
        truth = self._ground_truth(detections.frame_ids)
        result = evaluate(truth, detections, classes=tuple(self.evaluated),
                          metrics=tuple(self.metrics),
                          overlaps=tuple(self.overlaps),
                          orientation=self.orientation)
        print_log('\n' + result.table(), 'current')
        for warning in result.warnings:
            print_log(warning, 'current', logging.WARNING)
        # mmengine makes numpy's of an int, and leaves it out of its log.
        return {key: float(value) for key, value in result.scalars().items()}

    def _gather(self, results: list[FramePrediction]) -> KittiObjects:
        if not results:
            raise ConfigError('no frame was predicted')
        frames: dict[str, dict] = {}
        dropped: dict[str, int] = {}
        # Results of several processes have been merged by now, without what
        # a sampler repeats at the end.
        for prediction in results:
            if prediction.frame_id in frames:
                raise ValueError(
                    f'frame {prediction.frame_id} was predicted twice: the '
                    'data set holds it twice, or the sampler repeats frames '
                    'before the end; use DefaultSampler')
            frames[prediction.frame_id] = prediction.columns
            for reason, number in prediction.dropped.items():
                dropped[reason] = dropped.get(reason, 0) + number
        detections = KittiObjects.from_frames(dict(sorted(frames.items())),
                                              scored=True)
        notes = [f'{n} not counted: {why}' for why, n in dropped.items() if n]
        print_log(
            f'{len(detections)} detections in {len(frames)} frames'
            + ''.join(f'; {note}' for note in notes), 'current')
        return detections

    def _ground_truth(self, frame_ids: Sequence[str]) -> KittiObjects:
        if self.label_dir is None:
            assert self.infos is not None
            number, truth = len(self.infos), self.infos.labels(frame_ids)
        else:
            known = {p.stem for p in Path(self.label_dir).glob('*.txt')}
            for frame_id in frame_ids:
                if frame_id not in known:
                    raise ConfigError(
                        f'{self.label_dir} has no label file of the frame '
                        f'{frame_id!r}; {did_you_mean(frame_id, known)}')
            number, truth = len(known), read_labels(self.label_dir,
                                                    list(frame_ids))
        print_log(
            f'Evaluating the {len(frame_ids)} frames that were '
            f'predicted, of {number} with ground truth', 'current')
        return truth

    def _write(self, detections: KittiObjects) -> None:
        assert self.submission_prefix is not None
        folder = Path(self.submission_prefix) / 'data'
        predicted = set(detections.frame_ids)
        foreign = sorted(p.name for p in folder.glob('*.txt')
                         if p.stem not in predicted)
        if foreign:
            raise ConfigError(
                f'{folder} holds results of {len(foreign)} frames that were '
                f'not predicted now, {foreign[0]} for one: choose another '
                'submission_prefix, or remove them')
        write_results(folder, detections)
        print_log(
            f'Results of {len(detections.frame_ids)} frames are in '
            f'{folder}', 'current')


def check_names(metric: str, argument: str, chosen: Sequence[str],
                known: Sequence[str]) -> None:
    """Raise unless an argument is a list of known names, each once.

    Args:
        metric (str): The metric, for the message.
        argument (str): The argument, for the message.
        chosen (Sequence[str]): What was given.
        known (Sequence[str]): The names that may be given.

    Raises:
        ConfigError: It offers the nearest names.
    """
    if isinstance(chosen, str) or not chosen:
        raise ConfigError(f'{metric}: {argument}: expected a list of names '
                          f'of {tuple(known)}, got {chosen!r}')
    for name in chosen:
        check_name('name', name, known, f'{metric}: {argument}')
    if len(set(chosen)) < len(chosen):
        raise ConfigError(f'{metric}: {argument}: expected each name once, '
                          f'got {chosen!r}')
