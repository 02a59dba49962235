"""Detections of drives, followed by a tracker, against true tracks."""
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from mmxkd.errors import ConfigError, CorruptSampleError, check_number
from mmxkd.evaluation.functional.tracking import count_tracks
from mmxkd.formats.coco_check import check_coco
from mmxkd.formats.mavd.index import frame_ids
from mmxkd.formats.mavd.layout import FrameId, parse_id
from mmxkd.io.text import read_json
from mmxkd.registry import METRICS

from .following import build_tracker, follow, tracker_config
from .parts import compile_parts, members_of
from .samples import instances_of
from .track_metric import track_numbers


@METRICS.register_module()
class DriveTrackMetric(BaseMetric):
    """MOTA, MOTP, IDF1 and their counts of a detector and a tracker.

    A detector sees each frame alone. When all frames are there, a tracker of
    mmdet follows its detections through each drive, in the order of time; so
    the order of frames, batches and processes do not matter, and the detector
    needs no wrapper. For a model that tracks, use :class:`.TrackMetric`.

    True tracks are the boxes of a COCO file with ``frame_id``
    (``DRIVE/STAMP``) in its images and ``instance_id`` in its annotations:
    ``truth.json`` of synthetic drives, or what the converter of MAVD makes of
    it, in whose frame the boxes of the model have to lie.

    Args:
        ann_file (str): That file.
        tracker (dict, optional): Of mmdet's registry; None: a ``ByteTracker``
            for boxes of low scores, :data:`.following.BYTE_TRACKER`.
        start_score (float, optional): Above which a track of that
            ``ByteTracker`` starts, :func:`.following.byte_tracker`. Detectors
            differ in how sure they are:
            ``tools/analysis_tools/tune_tracker.py`` chooses it on validation
            drives.
        iou_thr (float): Overlap that a pair needs.
        parts (dict[str, str], optional): Names of parts of the data, and
            regular expressions that the names of their drives match, e.g.
            ``dict(night='_night_')``. Each part has numbers of its own too.
        collect_device (str): Of mmengine's ``BaseMetric``.
        prefix (str, optional): Likewise.

    Raises:
        ConfigError: An expression is not valid or matches no drive; a sample
            lacks something, is not in the file, or frames of a drive are
            missing; the tracker tracks by more than boxes, or has a
            ``start_score`` beside it; or no tested frame has a box.
        CorruptSampleError: The file is not such a one.
        ModuleNotFoundError: The tracker needs ``lap``.
        ValueError: A prediction is not finite.
    """

    default_prefix = 'track'

    def __init__(self, ann_file: str, tracker: Mapping[str, Any] | None = None,
                 iou_thr: float = 0.5, parts: Mapping[str, str] | None = None,
                 collect_device: str = 'cpu', prefix: str | None = None, *,
                 start_score: float | None = None) -> None:
        super().__init__(collect_device, prefix)
        check_number('DriveTrackMetric: iou_thr', iou_thr, most=1, above=0)
        self.iou_thr, self.ann_file = iou_thr, ann_file
        self.parts = compile_parts('DriveTrackMetric', parts)
        self.truth = read_tracks(ann_file)
        # Now, not after an hour of testing.
        self.tracker = build_tracker(tracker_config(tracker, start_score))

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the detections of a batch."""
        for sample in data_samples:
            name = sample.get('frame_id')
            if not isinstance(name, str):
                raise ConfigError(
                    'DriveTrackMetric: a sample has no frame_id '
                    f"('DRIVE/STAMP'), found {name!r}: add it to the "
                    'meta_keys of the packing transform')
            if name not in self.truth:
                raise ConfigError(
                    f'DriveTrackMetric: {self.ann_file} has no frame {name!r}')
            boxes, scores, labels = instances_of(
                name, sample, 'pred_instances', ('bboxes', 'scores', 'labels'))
            self.results.append((name, np.column_stack([boxes, scores,
                                                        labels])))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Numbers of all drives, and of each part."""
        tested = dict(results)
        if not any(len(self.truth[name]) for name in tested):
            raise ConfigError(
                f'DriveTrackMetric: {self.ann_file}: none of the '
                f'{len(tested)} tested frames has a box, so that nothing can '
                'be measured')
        counts = {}
        for drive, frames in self._drives(tested).items():
            tracks = follow(self.tracker, [found for _, found in frames])
            true, seen = (np.concatenate([
                np.insert(rows, 0, number, axis=1)
                for number, rows in enumerate(tables)
            ]) for tables in ([self.truth[name] for name, _ in frames],
                              [rows[:, :5] for rows in tracks]))
            counts[drive] = count_tracks(true, seen, len(frames), self.iou_thr)
        found = track_numbers(reduce(add, counts.values()))
        for name, pattern in self.parts.items():
            chosen = members_of('DriveTrackMetric', name, pattern,
                                list(counts), 'drive')
            numbers = track_numbers(
                reduce(add, [list(counts.values())[i] for i in chosen]))
            found.update({f'{name}_{k}': v for k, v in numbers.items()})
        return found

    def _drives(
        self, found: Mapping[str, np.ndarray]
    ) -> dict[str, list[tuple[str, np.ndarray]]]:
        """Detections of each drive, in the order of time; all frames."""
        drives: dict[str, list[FrameId]] = defaultdict(list)
        for name in self.truth:
            frame = parse_id(name, self.ann_file)
            drives[frame.drive].append(frame)
        ordered = {}
        for drive, frames in drives.items():
            names = [str(f) for f in sorted(frames, key=lambda f: f.time)]
            missing = [name for name in names if name not in found]
            if len(missing) == len(names):
                continue  # Another split, or another part of this one.
            if missing:
                raise ConfigError(
                    f'DriveTrackMetric: {len(missing)} of {len(names)} frames '
                    f'of {drive} were not tested, e.g. {missing[0]}: a '
                    'tracker needs all of them')
            ordered[drive] = [(name, found[name]) for name in names]
        return ordered


def read_tracks(path: str) -> dict[str, np.ndarray]:
    """True boxes of each frame of a COCO file: (N, 5) id, x1, y1, x2, y2.

    Raises:
        CorruptSampleError: It is not a COCO file; or an entry has no
            ``frame_id`` or ``instance_id``, or one that another has; names
            file and entry.
    """
    content = read_json(path, 'truth')
    check_coco(content, path)
    frame_of = frame_ids(content, path)
    rows: dict[str, list] = {name: [] for name in frame_of.values()}
    seen: dict[tuple[str, int], int] = {}
    for number, annotation in enumerate(content['annotations']):
        track = annotation.get('instance_id')
        if type(track) is not int:
            raise CorruptSampleError(
                path, 'truth', f'annotations[{number}] has no instance_id: '
                'boxes without one are not tracks')
        frame = frame_of[annotation['image_id']]
        first = seen.setdefault((frame, track), number)
        if first != number:
            raise CorruptSampleError(
                path, 'truth', f'annotations[{number}] has the instance_id '
                f'{track} of annotations[{first}] in the same frame, {frame}')
        x, y, width, height = annotation['bbox']
        rows[frame].append((track, x, y, x + width, y + height))
    return {
        name: np.array(boxes, np.float64).reshape(-1, 5)
        for name, boxes in rows.items()
    }
