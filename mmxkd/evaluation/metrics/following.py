"""Tracks from the detections of a sequence, by a tracker of mmdet."""
import importlib.util
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError, check_number

BYTE_TRACKER: dict[str, Any] = dict(
    type='ByteTracker', motion=dict(type='KalmanFilter'),
    obj_score_thrs=dict(high=0.3, low=0.1), init_track_thr=0.4,
    weight_iou_with_det_scores=True,
    match_iou_thrs=dict(high=0.1, low=0.5, tentative=0.1),
    num_frames_retain=10)
"""mmdet's ByteTrack. Its own thresholds are for detectors of people that give
scores near 1, and for boxes that overlap much from frame to frame."""
# What mmdet asks for only when the tracker is built, without saying of whom.
_NEED_LAP = ('ByteTracker', 'OCSORTTracker')


def byte_tracker(start_score: float) -> dict[str, Any]:
    """:data:`BYTE_TRACKER` whose tracks start above one score.

    mmdet's starts them above ``init_track_thr`` where there is no track yet,
    and above ``high`` of ``obj_score_thrs`` beside others.

    Args:
        start_score (float): Above 0 and at most 1. Detections of a third of
            it keep a track alive, as in the usual one.

    Raises:
        ConfigError: It is not such a number.

    Examples:
        >>> byte_tracker(0.6)['obj_score_thrs']
        {'high': 0.6, 'low': 0.2}
    """
    check_number('start_score', start_score, most=1, above=0)
    return dict(
        BYTE_TRACKER, init_track_thr=start_score,
        obj_score_thrs=dict(high=start_score, low=round(start_score / 3, 9)))


def tracker_config(tracker: Mapping[str, Any] | None = None,
                   start_score: float | None = None) -> Mapping[str, Any]:
    """The tracker that a metric asks for, by default :data:`BYTE_TRACKER`.

    Args:
        tracker (Mapping, optional): Of mmdet's registry.
        start_score (float, optional): Of :func:`byte_tracker`, instead.

    Raises:
        ConfigError: Both are given.
    """
    if start_score is None:
        return BYTE_TRACKER if tracker is None else tracker
    if tracker is not None:
        raise ConfigError(
            f'start_score={start_score!r} is of the usual ByteTracker; set '
            f'the scores of {dict(tracker)} in it, and leave start_score out')
    return byte_tracker(start_score)


def build_tracker(config: Mapping[str, Any] = BYTE_TRACKER) -> Any:
    """A tracker of mmdet's registry.

    Args:
        config (Mapping): With ``type``; it tracks by boxes alone.

    Raises:
        ConfigError: It has no type, or tracks by more than boxes.
        ModuleNotFoundError: It needs ``lap``, which is not installed.
    """
    if not isinstance(config, Mapping) or 'type' not in config:
        raise ConfigError(f'tracker={config!r}, expected a dict such as '
                          "dict(type='ByteTracker', …)")
    name = str(config['type'])
    if (name.split('.')[-1] in _NEED_LAP
            and importlib.util.find_spec('lap') is None):
        raise ModuleNotFoundError(
            f'{name} needs the package lap, which is not installed: '
            "bash tools/install.sh --with track", name='lap')
    # Other metrics of this folder do without mmdet.
    from mmdet.registry import MODELS

    # Whatever the default scope of a run is.
    tracker = MODELS.build({'_scope_': 'mmdet', **config})
    needed = [
        name for name, parameter in inspect.signature(
            tracker.track).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is not parameter.VAR_KEYWORD
    ]
    if needed != ['data_sample']:
        raise ConfigError(
            f'tracker: {name} tracks by {needed}, expected one that tracks by '
            'boxes alone, such as ByteTracker or OCSORTTracker')
    return tracker


def follow(tracker: Any, frames: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Track the objects of one sequence, from its first frame on.

    Args:
        tracker: Of :func:`build_tracker`; what it remembers is forgotten.
        frames (Iterable[np.ndarray]): Detections of each frame, in the order
            of time: (N, 6) x1, y1, x2, y2, score, label.

    Returns:
        list[np.ndarray]: Tracks of each frame, (M, 7) id, x1, y1, x2, y2,
        score, label.
    """
    from mmdet.structures import DetDataSample
    tracker.reset()
    tracks = []
    for number, found in enumerate(frames):
        rows = torch.from_numpy(np.asarray(found, np.float32).reshape(-1, 6))
        sample = DetDataSample(metainfo=dict(frame_id=number))
        sample.pred_instances = InstanceData(bboxes=rows[:, :4],
                                             scores=rows[:, 4],
                                             labels=rows[:, 5].long())
        seen = tracker.track(data_sample=sample)
        tracks.append(
            torch.column_stack([
                seen.instances_id.double(),
                seen.bboxes.double(),
                seen.scores.double(),
                seen.labels.double()
            ]).numpy())
    return tracks
