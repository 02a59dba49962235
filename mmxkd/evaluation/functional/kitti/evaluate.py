"""KITTI's evaluation of 2019: image, orientation, bird's-eye view and 3-D."""
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from mmxkd.errors import ConfigError, check_name
from mmxkd.formats.kitti.difficulty import DIFFICULTIES, Difficulty
from mmxkd.formats.kitti.objects import CLASSES, KittiObjects

from .curves import Curve, envelope, score_thresholds
from .flags import ABSENT, COUNTS, detection_flags, ground_truth_flags
from .matching import Candidates, count_matches, true_positive_scores
from .result import KittiResult
from .scene import METRICS, MIN_OVERLAPS, EvaluationScene


def evaluate(ground_truth: KittiObjects, detections: KittiObjects,
             classes: Sequence[str] = CLASSES,
             metrics: Sequence[str] = METRICS,
             overlaps: Sequence[str] = ('strict', ),
             orientation: bool = True) -> KittiResult:
    """Evaluate detections as KITTI's official program of 2019 does.

    Orientation (``aos``) comes with ``bbox``, unless a detection has no alpha
    (-10). A class whose detections all lack what a metric needs, such as a
    3-D box, is left out of that metric. Warnings say what was left out. A
    class without any detection has an AP of 0.

    Args:
        ground_truth (KittiObjects): Labels.
        detections (KittiObjects): Results, with scores, of the same frames.
        classes (Sequence[str]): Some of :data:`~.objects.CLASSES`.
        metrics (Sequence[str]): Some of ``'bbox'``, ``'bev'``, ``'3d'``.
        overlaps (Sequence[str]): ``'strict'`` (cars 0.7, others 0.5) and, for
            bird's-eye view and 3-D, ``'loose'`` (cars 0.5, others 0.25).
        orientation (bool): Whether the detector gives any; without it there
            is no ``aos``, and no warning about that.

    Returns:
        KittiResult: Curves and averages.

    Raises:
        ConfigError: An unknown name among classes, metrics or overlaps; the
            frames of ground truth and detections differ, or one stands there
            twice; there is no frame.
    """
    _check_names('class', classes, CLASSES)
    _check_names('metric', metrics, METRICS)
    _check_names('overlap', overlaps, MIN_OVERLAPS)
    detections = _of_same_frames(ground_truth, detections)
    scene = EvaluationScene.of(ground_truth, detections, metrics, overlaps)
    warnings = [
        f'{metric} is not evaluated: {tuple(overlaps)} is none of its overlaps'
        for metric in metrics
        if not any(metric in MIN_OVERLAPS[name] for name in overlaps)
    ]
    curves = [
        curve for class_name in classes for metric, overlap in _protocols(
            scene, class_name, metrics, overlaps, warnings)
        for difficulty in DIFFICULTIES for curve in _curves(
            scene, class_name, difficulty, metric, overlap, warnings)
        if orientation or curve.metric != 'aos'
    ]
    if orientation and 'bbox' in metrics and not scene.oriented:
        number = int((detections.alpha == -10).sum())
        warnings.append(f'{number} of {len(detections)} detections have no '
                        'alpha (-10): orientation (aos) is not evaluated')
    return KittiResult(curves, warnings, len(ground_truth.frame_ids),
                       tuple(classes))


def _check_names(kind: str, names: Sequence[str],
                 known: Collection[str]) -> None:
    for name in names:
        check_name(kind, name, known)
    if not names or len(set(names)) < len(names):
        raise ConfigError(f'expected one {kind} or more, each once, found '
                          f'{tuple(names)}')


def _of_same_frames(ground_truth: KittiObjects,
                    detections: KittiObjects) -> KittiObjects:
    """The detections, in the ground truth's order of frames."""
    if detections.score is None:
        raise ConfigError('detections need scores')
    if not ground_truth.frame_ids:
        raise ConfigError('there is no frame to evaluate')
    for objects in (ground_truth, detections):
        frames = objects.frame_ids
        if len(set(frames)) < len(frames):
            twice = next(i for i in frames if frames.count(i) > 1)
            raise ConfigError(f'the frame {twice} stands there twice')
    if detections.frame_ids == ground_truth.frame_ids:
        return detections
    wanted, given = set(ground_truth.frame_ids), set(detections.frame_ids)
    for what, ids in (('no detections for', sorted(wanted - given)),
                      ('no ground truth for', sorted(given - wanted))):
        if ids:
            raise ConfigError(f'{what} {len(ids)} frames: '
                              + ', '.join(ids[:5] + ['…'] * bool(ids[5:])))
    return detections.of_frames(ground_truth.frame_ids)


def _protocols(scene: EvaluationScene, class_name: str, metrics: Sequence[str],
               overlaps: Sequence[str],
               warnings: list[str]) -> Iterator[tuple[str, str]]:
    for metric in metrics:
        if not scene.is_given(CLASSES.index(class_name), metric):
            warnings.append(f'{class_name}: no detection has what {metric!r} '
                            'needs; it is not evaluated')
            continue
        for overlap in overlaps:
            if metric in MIN_OVERLAPS[overlap]:
                yield metric, overlap


def _curves(scene: EvaluationScene, class_name: str, difficulty: Difficulty,
            metric: str, overlap: str, warnings: list[str]) -> Iterator[Curve]:
    """The curve of one metric; for ``bbox`` that of ``aos`` too."""
    index = CLASSES.index(class_name)
    min_overlap = MIN_OVERLAPS[overlap][metric][index]
    gt_flags = ground_truth_flags(scene.gt, scene.gt_class == index,
                                  scene.gt_neighbour == index, difficulty)
    det_flags = detection_flags(scene.det, scene.det_class == index,
                                difficulty)
    found = scene.overlap[metric]
    pairs = np.flatnonzero((found > min_overlap)
                           & (gt_flags[scene.gt_row] != ABSENT)
                           & (det_flags[scene.det_row] != ABSENT))
    gt_row, det_row = scene.gt_row[pairs], scene.det_row[pairs]
    assert scene.det.score is not None
    candidates = Candidates(scene.gt.frame[gt_row], gt_row, det_row,
                            found[pairs], scene.det.score[det_row],
                            gt_flags[gt_row] == COUNTS,
                            det_flags[det_row] == COUNTS)
    num_gt = int((gt_flags == COUNTS).sum())
    thresholds = score_thresholds(true_positive_scores(candidates), num_gt)
    # DontCare regions are boxes in the image: they excuse nothing elsewhere.
    is_false = det_flags == COUNTS
    if metric == 'bbox':
        is_false &= scene.covered <= min_overlap
    true, excused, similarity = count_matches(candidates, thresholds,
                                              is_false[det_row],
                                              scene.similarity[pairs])
    scores = np.sort(scene.det.score[is_false])
    above = len(scores) - np.searchsorted(scores, thresholds, side='left')
    precision, orientation, undefined = envelope(true, above - excused,
                                                 similarity)
    if undefined:
        warnings.append(
            f'{class_name} {metric} {difficulty.name} ({overlap}): at one '
            'threshold or more all detections are ignored; their precision, '
            '0/0, counts as 0')
    yield Curve(metric, class_name, difficulty.name, overlap, min_overlap,
                num_gt, precision, thresholds)
    if metric == 'bbox' and scene.oriented:
        yield Curve('aos', class_name, difficulty.name, overlap, min_overlap,
                    num_gt, orientation, thresholds)
