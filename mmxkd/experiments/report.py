"""The report of an experiment, as Markdown, JSON and one HTML file."""
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.io.atomic import write_json, write_text
from mmxkd.io.escape import escape

from .benchmarks import COCO_BOXES, Benchmark
from .curves import Curves, read_curves
from .gap import gap_recovered
from .html_report import html_report
from .pictures import pictures_of
from .plan import Plan
from .scores import Table, read_scores, seeds_in
from .summary import Summary, summarise
from .tables import head_and_rows, notes, paired_rows

SPLITS = ('val', 'test')
TEACHER, BASELINE = 'teacher', 'baseline'
Names = str | Sequence[str]


def write_report(runs: Path, data_root: Path, models: Sequence[str],
                 teacher: Names = TEACHER, baseline: Names = BASELINE,
                 seeds: Sequence[int] | None = None,
                 splits: Sequence[str] = SPLITS, reachable: Names = (),
                 benchmark: Benchmark = COCO_BOXES) -> str:
    """Evaluate, write ``gap_report.{md,json,html}``; return the Markdown.

    Args:
        runs (Path): Holds ``seed_<k>/<model>`` with detections, and gets the
            report.
        data_root (Path): Converted data, with the ground truth.
        models (Sequence[str]): One row each.
        teacher, baseline (str | Sequence[str]): The models that the gap lies
            between; of several, the best on the first split, by
            :func:`.choosing`.
        seeds (Sequence[int], optional): Default: those that have a folder.
        splits (Sequence[str]): Students are counted as better on the last.
        reachable (str | Sequence[str]): Models that show what a student
            could reach, e.g. with human labels on all frames.
        benchmark (Benchmark): How detections are scored.

    Raises:
        ConfigError: A file is missing, or teacher or baseline in ``models``.
    """
    ends = [_tuple(names) for names in (teacher, baseline, reachable)]
    for needed in [name for names in ends for name in names]:
        if needed not in models:
            raise ConfigError(f'the models need {needed!r}: '
                              + did_you_mean(needed, models))
    seeds = seeds_in(runs) if seeds is None else seeds
    table = read_scores(runs, data_root, models, seeds, splits, benchmark)
    summary = summarise(table, *ends)
    curves = {
        model: [read_curves(runs / f'seed_{s}' / model) for s in seeds]
        for model in models
    }
    pictures = pictures_of(summary, runs, data_root, min(seeds),
                           benchmark) if benchmark.pictures else None
    return save_report(runs, table, summary, benchmark.score, benchmark.unit,
                       curves, pictures)


def save_report(folder: Path, table: Table, summary: Summary, score: str,
                unit: str,
                curves: Mapping[str, Sequence[Curves]] | None = None,
                pictures: bytes | None = None) -> str:
    """Write ``gap_report.{md,json,html}``; return the Markdown.

    Args:
        folder (Path): Where to; it is made.
        table (dict), summary (Summary): What was measured, and what it says.
        score, unit (str): What the number is called, and what it is.
        curves, pictures (optional): As :func:`html_report` takes them.
    """
    summary = replace(summary, score=score, unit=unit)
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(summary)
    write_text(folder / 'gap_report.md', text)
    write_json(
        folder / 'gap_report.json', {
            score: table, 'arms': list(table), 'gap_recovered': _by_seed(
                table, summary), 'summary': asdict(summary)
        })
    write_text(folder / 'gap_report.html',
               html_report(summary, curves or {}, pictures))
    return text


def report_of(plan: Plan) -> str:
    """:func:`write_report` of an experiment whose runs are done."""
    return write_report(plan.work_dir, plan.tested_on, plan.reported,
                        plan.teacher, plan.baseline, plan.seeds, plan.splits,
                        plan.reachable, plan.benchmark)


def _tuple(names: Names) -> tuple[str, ...]:
    return (names, ) if isinstance(names, str) else tuple(names)


def _by_seed(table: Table, summary: Summary) -> dict:
    """The share of the gap of each seed alone."""
    return {
        model: {
            split: gap_recovered(scores, table[summary.baseline][split],
                                 table[summary.teacher][split])
            for split, scores in values.items()
        } for model, values in table.items() if model not in summary.ends
    }


def markdown(summary: Summary) -> str:
    """The report as Markdown: one row per model, then paired differences."""
    last = summary.splits[-1]
    return '\n'.join([
        *_table(head_and_rows(summary)), '', *(escape(line, 'markdown')
                                               for line in notes(summary)), '',
        f'{summary.score} minus that of the '
        f'{escape(summary.baseline, "markdown")} with the same seed, '
        f'{escape(last, "markdown")}:', '', *_table(paired_rows(summary))
    ]) + '\n'


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    # Names of arms and splits are the user's, e.g. of folders: a bar or a
    # line break in one would shift the table.
    lines = [
        '| ' + ' | '.join(escape(cell, 'markdown') for cell in row) + ' |'
        for row in rows
    ]
    return [lines[0], '|' + '---|' * len(rows[0]), *lines[1:]]
