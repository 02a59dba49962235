"""Detections of some arms on the same frames, beside the truth."""
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmxkd.io.images import encode_image, read_image
from mmxkd.visualization import compare_detections
from mmxkd.visualization.detections import Panel

from .benchmarks import COCO_BOXES, Benchmark
from .summary import Summary

FRAMES, LEAST_SCORE = 3, 0.3


def pictures_of(summary: Summary, runs: Path, data_root: Path, seed: int,
                benchmark: Benchmark = COCO_BOXES) -> bytes | None:
    """A PNG of :data:`FRAMES` frames of the last split: truth and arms.

    The arms are the baseline, the best one that is not an end of the gap,
    and the teacher. Frames with objects are taken, spread over the split.

    Args:
        summary (Summary): Says which arms.
        runs (Path): With their detections.
        data_root (Path): With the pictures.
        seed (int): Whose detections.
        benchmark (Benchmark): Says which file has the true boxes.

    Returns:
        bytes | None: None where the pictures are not in ``data_root``, or
        no frame has an object.

    Raises:
        CorruptSampleError: A picture is there and cannot be read.
    """
    split = summary.splits[-1]
    truth = json.loads((data_root / benchmark.annotations(split)).read_text())
    boxes = _by_frame(truth['annotations'])
    frames = [image for image in truth['images'] if image['id'] in boxes]
    chosen = [
        frames[i] for i in np.unique(
            np.linspace(0, max(len(frames) - 1, 0), FRAMES).astype(int))
    ] if frames else []
    paths = [data_root / image['file_name'] for image in chosen]
    if not paths or not all(path.is_file() for path in paths):
        return None
    arms = _arms(summary)
    found = {
        arm: _by_frame(
            json.loads(
                benchmark.detections(runs / f'seed_{seed}' / arm,
                                     split).read_text())) for arm in arms
    }
    panels = []
    for image, path in zip(chosen, paths, strict=True):
        pixels = _rgb(read_image(path, 'img'))
        # Of a drive, the part that boxes lie in.
        pixels = pixels[:, slice(*image.get('columns', (None, )))]
        own = _corners(boxes[image['id']])
        panels.append(Panel('ground truth', pixels, own))
        for arm in arms:
            rows = [
                r for r in found[arm].get(image['id'], ())
                if r['score'] >= LEAST_SCORE
            ]
            panels.append(
                Panel(arm, pixels, own, _corners(rows),
                      np.array([r['score'] for r in rows])))
    sheet = compare_detections(panels, columns=1 + len(arms), width=11.0)
    return encode_image(np.ascontiguousarray(sheet[..., ::-1]), '.png')


def _arms(summary: Summary) -> list[str]:
    ends = {*summary.ends}
    for end in ('teacher', 'baseline'):
        ends.update(summary.candidates.get(end, ()))
    others = {
        name: cells[summary.chosen_on].mean
        for name, cells in summary.arms.items() if name not in ends
    }
    best = [max(others, key=others.__getitem__)] if others else []
    return [summary.baseline, *best, summary.teacher]


def _by_frame(rows: Sequence[dict[str, Any]]) -> dict[Any, list[dict]]:
    found: dict[Any, list[dict]] = {}
    for row in rows:
        if not row.get('iscrowd'):
            found.setdefault(row['image_id'], []).append(row)
    return found


def _corners(rows: Sequence[dict[str, Any]]) -> np.ndarray:
    """(N, 4) xyxy of COCO's boxes."""
    boxes = np.array([row['bbox'] for row in rows], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _rgb(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) or (H, W) uint8, of any bit depth."""
    if image.dtype != np.uint8:
        image = (image / max(int(image.max()), 1) * 255).astype(np.uint8)
    return image[..., ::-1] if image.ndim == 3 else image
