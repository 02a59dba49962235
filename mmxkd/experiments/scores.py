"""Scores of the detections that the runs of an experiment left."""
from collections.abc import Sequence
from pathlib import Path

from mmxkd.errors import ConfigError

from .benchmarks import COCO_BOXES, Benchmark

# {model: {column: {seed: score in percent}}}; a column is a split, or one of
# several scores of it.
Table = dict[str, dict[str, dict[int, float]]]


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
                seeds: Sequence[int], splits: Sequence[str],
                benchmark: Benchmark = COCO_BOXES) -> Table:
    """Scores of all models and seeds, in full precision.

    Args:
        runs (Path): Detections of a run are in ``seed_<k>/<model>``.
        data_root (Path): Converted data, with the ground truth.
        models, seeds, splits (Sequence): What to read.
        benchmark (Benchmark): How detections are scored.

    Raises:
        ConfigError: Detections are missing.
    """
    table: Table = {model: {} for model in models}
    for split in splits:
        owners = [(model, seed) for seed in seeds for model in models]
        paths = [
            benchmark.detections(runs / f'seed_{seed}' / model, split)
            for model, seed in owners
        ]
        for path in paths:
            if not path.exists():
                raise ConfigError(
                    f'{path} is missing: this run is not finished '
                    '(tools/experiment.py goes on with it)')
        found = benchmark.scores(data_root / benchmark.annotations(split),
                                 split, paths)
        for (model, seed), columns in zip(owners, found, strict=True):
            for column, value in columns.items():
                table[model].setdefault(column, {})[seed] = value
    return table
