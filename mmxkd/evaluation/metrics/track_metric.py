"""Tracks of any tracker, against true ones."""
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.tracking import (
    TrackingCounts,
    count_tracks,
)
from mmxkd.registry import METRICS

from .samples import instances_of


@METRICS.register_module()
class TrackMetric(BaseMetric):
    """MOTA, MOTP, IDF1 and what they are made of.

    A sample is a frame: ``pred_track_instances`` with ``bboxes`` and
    ``instances_id``, as mmdet's trackers give them; ``gt_instances`` with
    ``bboxes`` and ``instances_ids``; and in its metainfo ``frame_id`` and
    ``video_id``, the sequence it belongs to. mmdet's ``MOTChallengeMetric``
    wants files of the MOT challenge and the package trackeval instead.

    MOTA, IDF1, IDP and IDR are in percent. MOTP is the mean of 1 - IoU of all
    pairs, in percent too: less is better.

    Args:
        iou_thr (float): Overlap that a pair needs.
        labels (Sequence[int], optional): Classes that count; None: all, as
            one.
        collect_device (str): Of mmengine's ``BaseMetric``.
        prefix (str, optional): Likewise.

    Raises:
        ConfigError: A sample lacks something of the above.
        ValueError: A track has two boxes in a frame, or a box is not finite.
    """

    default_prefix = 'track'

    def __init__(self, iou_thr: float = 0.5,
                 labels: Sequence[int] | None = None,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device, prefix)
        if not 0 < iou_thr <= 1:
            raise ConfigError(f'TrackMetric: iou_thr={iou_thr}, expected '
                              'above 0, up to 1')
        self.iou_thr, self.labels = iou_thr, labels

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the boxes of a batch."""
        for sample in data_samples:
            for key in ('video_id', 'frame_id'):
                if key not in sample:
                    raise ConfigError(
                        f'TrackMetric: a sample has no {key!r}: add it to '
                        'the meta_keys of the packing transform')
            video, frame = sample['video_id'], sample['frame_id']
            rows = []
            for field, key in (('gt_instances', 'instances_ids'),
                               ('pred_track_instances', 'instances_id')):
                boxes, ids, labels = instances_of(f'{frame} of {video}',
                                                  sample, field,
                                                  ('bboxes', key, 'labels'))
                table = np.column_stack([np.full(len(ids), frame), ids, boxes])
                if self.labels is not None:
                    table = table[np.isin(labels, list(self.labels))]
                rows.append(table)
            self.results.append((video, frame, *rows))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Sums over all sequences."""
        videos: dict[Any, list] = {}
        for video, *frame in results:
            videos.setdefault(video, []).append(frame)
        return track_numbers(
            reduce(add, [
                count_tracks(np.concatenate([f[1] for f in frames]),
                             np.concatenate([f[2] for f in frames]),
                             len(frames), self.iou_thr)
                for frames in videos.values()
            ]))


def track_numbers(counts: TrackingCounts) -> dict[str, float]:
    """What a log shows of counts: ratios in percent."""
    return dict(MOTA=100 * counts.mota, MOTP=100 * counts.motp,
                IDF1=100 * counts.idf1, IDP=100 * counts.idp,
                IDR=100 * counts.idr, switches=counts.switches,
                fragmentations=counts.fragmentations,
                false_positives=counts.false_positives, misses=counts.misses,
                mostly_tracked=counts.mostly_tracked,
                partially_tracked=counts.partially_tracked,
                mostly_lost=counts.mostly_lost, frames=counts.frames)
