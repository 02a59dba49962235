"""From the detections of teachers to labels: names, fusion, thresholds."""
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean
from mmxkd.evaluation.functional.best_threshold import (
    Threshold,
    class_threshold,
)
from mmxkd.evaluation.functional.box_fusion import (
    Detections,
    fuse_detections,
)

from .detect import BOX_DECIMALS, SCORE_DECIMALS
from .stage import Frame
from .teachers import Teacher, check_label


@dataclass(frozen=True)
class Fusion:
    """How the boxes of several teachers become one set; see
    :func:`mmxkd.evaluation.functional.box_fusion.fuse_detections`."""

    mode: str = 'wbf'
    iou_thr: float = 0.55
    weights: tuple[float, ...] | None = None


def frame_labels(records: Sequence[Mapping[str, Any]],
                 teachers: Sequence[Teacher], targets: Sequence[list[int]],
                 fusion: Fusion, frame: Frame) -> Detections:
    """What all teachers together find in a frame.

    Args:
        records (Sequence[Mapping]): Of each teacher, from its journal.
        teachers (Sequence[Teacher]): They.
        targets (Sequence[list[int]]): What their classes become.
        fusion (Fusion): How they are joined, if there are several.
        frame (Frame): The frame.

    Returns:
        Detections: Boxes within the picture, at least a pixel wide and high,
        which is what mmdet trains on; best scores first.

    Raises:
        CheckpointError: A class has no name.
        CorruptSampleError: The picture has another size than its entry says.
    """
    width, height = frame.entry['width'], frame.entry['height']
    found = []
    for record, teacher, target in zip(records, teachers, targets,
                                       strict=True):
        if record['size'] != [width, height]:
            raise CorruptSampleError(
                frame.entry['file_name'], 'img',
                f'has {record["size"]} pixels, but its entry says '
                f'{[width, height]}')
        for label in record['labels']:
            check_label(label, teacher)
        labels = np.array([target[k] for k in record['labels']], np.int64)
        boxes = np.array(record['boxes'], np.float64).reshape(-1, 4)
        if teacher.mirrored:
            boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        part = Detections(boxes, np.array(record['scores'], np.float64),
                          labels)
        found.append(part.chosen(labels >= 0))
    whole = fuse_detections(found, fusion.mode, fusion.iou_thr,
                            fusion.weights) if len(found) > 1 else found[0]
    whole = whole._replace(
        boxes=np.round(whole.boxes,
                       BOX_DECIMALS).clip(0, (width, height, width, height)),
        scores=np.round(whole.scores, SCORE_DECIMALS))
    sides = whole.boxes[:, 2:] - whole.boxes[:, :2]
    whole = whole.chosen((sides >= 1).all(1))
    return whole.chosen(
        np.lexsort((*whole.boxes.T[::-1], whole.labels, -whole.scores)))


def find_thresholds(labels: Iterable[Detections], frames: Sequence[Frame],
                    classes: Sequence[str], class_map: Mapping[str, str],
                    path: str) -> dict[str, Threshold]:
    """The best threshold of each class on frames that humans labelled.

    Args:
        labels (Iterable[Detections]): What is found in each frame.
        frames (Sequence[Frame]): With their truth.
        classes (Sequence[str]): Names of the labels.
        class_map (Mapping): Other names that the truth may have.
        path (str): Where the truth is from, for error messages.

    Raises:
        ConfigError: There is no object of a class, or none is found.
    """
    index = {name: k for k, name in enumerate(classes)}
    parts: list[list[tuple]] = [[] for _ in classes]
    for found, frame in zip(labels, frames, strict=True):
        known = [(index[label], box, ignored)
                 for name, box, ignored in frame.truth
                 if (label := class_map.get(name, name)) in index]
        for k, own in enumerate(parts):
            truth = [(box, ignored) for c, box, ignored in known if c == k]
            mask = found.labels == k
            own.append((found.boxes[mask], found.scores[mask],
                        np.array([box for box, _ in truth]).reshape(-1, 4),
                        np.array([ignored for _, ignored in truth], bool)))
    best = {name: class_threshold(parts[k]) for name, k in index.items()}
    for name, threshold in best.items():
        if not threshold.objects:
            names = {label for frame in frames for label, *_ in frame.truth}
            raise ConfigError(
                f'{path}: has no object of the class {name!r}, so nothing '
                'says from which score on the teacher is right; '
                f'{did_you_mean(name, names)} Or choose a threshold: '
                f'--score-thr {name}=0.5')
        if math.isnan(threshold.score):
            raise ConfigError(
                f'{path}: the teacher finds none of {threshold.objects} '
                f'objects of the class {name!r}. Is it the right teacher? If '
                f'so, choose a threshold: --score-thr {name}=0.5')
    return best


def given_thresholds(words: Sequence[str],
                     classes: Sequence[str]) -> dict[str, float]:
    """What ``--score-thr`` says: ``0.5`` for all, ``car=0.4`` for one.

    Raises:
        ConfigError: A class is unknown, or a number not between 0 and 1.

    Examples:
        >>> given_thresholds(['0.5', 'car=0.4'], ['car', 'van'])
        {'car': 0.4, 'van': 0.5}
    """
    found: dict[str, float] = {}
    special: dict[str, float] = {}
    for word in words:
        name, equals, number = word.rpartition('=')
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not 0 <= value <= 1:
            raise ConfigError(f'--score-thr {word}: expected a number from 0 '
                              'to 1, or CLASS=NUMBER')
        if not equals:
            found = dict.fromkeys(classes, value)
        elif name in classes:
            special[name] = value
        else:
            raise ConfigError(f'--score-thr {word}: no class {name!r}; '
                              + did_you_mean(name, classes))
    return {**found, **special}


def threshold_table(classes: Sequence[str], thresholds: Mapping[str, float],
                    best: Mapping[str, Threshold], kept: Sequence[int]) -> str:
    """What is kept of each class, and how good that is on labelled frames."""
    rows = [[
        'class', 'threshold', 'precision', 'recall', 'F1', 'objects', 'labels'
    ]]
    for name, number in zip(classes, kept, strict=True):
        row = [name, f'{thresholds[name]:.4f}']
        if name in best:
            _, precision, recall, f1, objects = best[name]
            row += [f'{v:.3f}' for v in (precision, recall, f1)]
            row.append(str(objects))
        else:
            row += ['given', '', '', '']
        rows.append([*row, str(number)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return '\n'.join('  '.join(
        cell.ljust(width) if k == 0 else cell.rjust(width)
        for k, (cell, width) in enumerate(zip(row, widths, strict=True)))
                     for row in rows)


def annotations(labels: Iterable[Detections], frames: Sequence[Frame],
                minimum: np.ndarray,
                category_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The COCO annotations of all labels above the thresholds.

    Args:
        labels (Iterable[Detections]): Of each frame.
        frames (Sequence[Frame]): They.
        minimum (np.ndarray): (C, ) least score of each class.
        category_ids (Sequence[int]): Of each class.
    """
    number = 0
    for found, frame in zip(labels, frames, strict=True):
        kept = found.chosen(found.scores >= minimum[found.labels])
        for box, score, label in zip(*(c.tolist() for c in kept), strict=True):
            number += 1
            x1, y1, x2, y2 = box
            width, height = (round(side, BOX_DECIMALS)
                             for side in (x2 - x1, y2 - y1))
            yield {
                'id': number,
                'image_id': frame.entry['id'],
                'category_id': category_ids[label],
                'bbox': [x1, y1, width, height],
                'area': round(width * height, BOX_DECIMALS),
                'iscrowd': 0,
                'score': score,
            }
