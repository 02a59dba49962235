"""How much of the gap between baseline and teacher do students recover?

Reads detections in the layout

    RUNS/seed_<k>/<model>/{val,test}.bbox.json

as benchmarks/gap_recovered.py leaves it, evaluates COCO mAP and prints one row
a model. The share of the gap is (student - baseline) / (teacher - baseline) of
the same seed; several seeds are given as mean ± standard deviation (n - 1).
Writes gap_report.md and gap_report.json beside the runs.
"""
import argparse
import contextlib
import io
import json
import statistics
import sys
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.io.atomic import write_json, write_text

SPLITS = ('val', 'test')
TEACHER, BASELINE = 'teacher', 'baseline'
# {model: {split: {seed: mAP in percent}}}
Table = dict[str, dict[str, dict[int, float]]]


def average_precision(ground_truth: COCO, detections: list[dict]) -> float:
    """COCO AP@[.50:.95] of boxes, all areas, at most 100 a frame, in %."""
    if not detections:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(detections),
                              'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0])


def read_runs(runs: Path, data_root: Path, models: list[str]) -> Table:
    """mAP of all models and seeds, by full precision.

    Raises:
        ConfigError: A file is missing.
    """
    seeds = sorted(int(p.name.removeprefix('seed_'))
                   for p in runs.glob('seed_*'))
    if not seeds:
        raise ConfigError(f'{runs}: no folders seed_0, seed_1, …')
    table: Table = {model: {split: {} for split in SPLITS}
                    for model in models}
    for split in SPLITS:
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(data_root / 'annotations' / f'{split}.json')
        for seed in seeds:
            for model in models:
                path = runs / f'seed_{seed}' / model / f'{split}.bbox.json'
                if not path.is_file():
                    raise ConfigError(
                        f'{path} is missing: this run is not finished '
                        '(benchmarks/gap_recovered.py goes on with it)')
                table[model][split][seed] = average_precision(
                    truth, json.loads(path.read_text()))
    return table


def shares(table: Table, model: str, split: str) -> dict[int, float] | None:
    """Share of the gap in percent, for each seed.

    None where a teacher is not better than its baseline: there is no gap.
    """
    recovered = {}
    for seed, value in table[model][split].items():
        baseline = table[BASELINE][split][seed]
        gap = table[TEACHER][split][seed] - baseline
        if gap <= 0:
            return None
        recovered[seed] = 100 * (value - baseline) / gap
    return recovered


def spread(values: dict[int, float] | None, digits: int = 1,
           unit: str = '') -> str:
    """``'12.3 ± 0.4'``; a single value stands alone.

    Examples:
        >>> spread({0: 1.0, 1: 3.0})
        '2.0 ± 1.4'
    """
    if values is None:
        return 'no gap'
    numbers = list(values.values())
    text = f'{statistics.mean(numbers):.{digits}f}'
    if len(numbers) > 1:
        text += f' ± {statistics.stdev(numbers):.{digits}f}'
    return text + unit


def markdown(table: Table) -> str:
    """The report, a markdown table."""
    seeds = sorted(next(iter(table.values()))['test'])
    lines = [
        '| model | val mAP | test mAP | gap recovered, val '
        '| gap recovered, test | better than baseline, test |',
        '|---|---|---|---|---|---|'
    ]
    for model, values in table.items():
        row = [model, *(spread(values[split]) for split in SPLITS)]
        if model in (TEACHER, BASELINE):
            row += ['100 %' if model == TEACHER else '0 %'] * 2 + ['']
        else:
            row += [spread(shares(table, model, split), 0, ' %')
                    for split in SPLITS]
            better = sum(values['test'][s] > table[BASELINE]['test'][s]
                         for s in seeds)
            row.append(f'{better} of {len(seeds)} seeds')
        lines.append('| ' + ' | '.join(row) + ' |')
    note = (f'{len(seeds)} seed' + 's, mean ± s.d.' * (len(seeds) > 1)
            + '; mAP is COCO AP@[.50:.95] in %.')
    return '\n'.join([*lines, '', note]) + '\n'


def report(runs: Path, data_root: Path, models: list[str]) -> str:
    """Evaluate, write ``gap_report.{md,json}`` and return the markdown."""
    for needed in (TEACHER, BASELINE):
        if needed not in models:
            raise ConfigError(f'--models needs {needed!r}: '
                              + did_you_mean(needed, models))
    table = read_runs(runs, data_root, models)
    text = markdown(table)
    write_text(runs / 'gap_report.md', text)
    write_json(runs / 'gap_report.json', {
        'mAP': table,
        'gap_recovered': {
            model: {split: shares(table, model, split) for split in SPLITS}
            for model in models if model not in (TEACHER, BASELINE)
        }
    })
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', type=Path)
    parser.add_argument('data_root', type=Path, help='converted data')
    parser.add_argument('--models', nargs='+',
                        default=[TEACHER, BASELINE, 'mse', 'adv'])
    args = parser.parse_args()
    print(report(args.runs, args.data_root, args.models), end='')


if __name__ == '__main__':
    try:
        main()
    except ConfigError as error:
        sys.exit(f'error: {error}')
