"""COCO mAP of the detections that the runs of an experiment left."""
import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmxkd.errors import ConfigError

from .plan import annotations

# {model: {split: {seed: mAP in percent}}}
Table = dict[str, dict[str, dict[int, float]]]


def average_precision(ground_truth: COCO, detections: list[dict]) -> float:
    """COCO AP@[.50:.95] of boxes, all areas, at most 100 per frame, in %."""
    if not detections:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(detections),
                              'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0])


def seeds_in(runs: Path) -> list[int]:
    """The seeds that have a folder, in order.

    Raises:
        ConfigError: There is none.
    """
    seeds = sorted(
        int(p.name.removeprefix('seed_')) for p in runs.glob('seed_*'))
    if not seeds:
        raise ConfigError(f'{runs}: no folders seed_0, seed_1, …')
    return seeds


def read_scores(runs: Path, data_root: Path, models: Sequence[str],
                seeds: Sequence[int], splits: Sequence[str]) -> Table:
    """mAP of all models and seeds, in full precision.

    Args:
        runs (Path): Detections of a run are in
            ``seed_<k>/<model>/<split>.bbox.json``.
        data_root (Path): Converted data, with the ground truth.
        models, seeds, splits (Sequence): What to read.

    Raises:
        ConfigError: A file is missing.
    """
    table: Table = {model: {split: {} for split in splits} for model in models}
    for split in splits:
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(annotations(data_root, split))
        for seed in seeds:
            for model in models:
                path = runs / f'seed_{seed}' / model / f'{split}.bbox.json'
                if not path.is_file():
                    raise ConfigError(
                        f'{path} is missing: this run is not finished '
                        '(tools/experiment.py goes on with it)')
                table[model][split][seed] = average_precision(
                    truth, json.loads(path.read_text()))
    return table
