"""Reports of one experiment whose seeds ran on several machines, as one."""
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmxkd.errors import ConfigError
from mmxkd.io.text import read_json

from .report import save_report
from .scores import Table
from .summary import summarise

ENDS = ('teacher', 'baseline', 'reachable')


def merge_reports(reports: Sequence[str | Path], out: str | Path) -> str:
    """Write the report of all seeds; return its Markdown.

    Args:
        reports (Sequence[str | Path]): Files ``gap_report.json``.
        out (str | Path): Gets ``gap_report.{md,json,html}``, without curves
            and pictures: those are where the runs are.

    Raises:
        ConfigError: A file is no such report, is of another experiment, or
            has another score for a seed than an earlier one.
        CorruptSampleError: A file cannot be read.
    """
    merged: Table = {}
    origin: dict[tuple[str, str, int], Path] = {}
    first: dict[str, Any] = {}
    for path in map(Path, reports):
        found = _read(path)
        summary = found['summary']
        about = {key: summary[key] for key in ('score', 'unit', 'splits')
                 } | {key: _candidates(summary, key) for key in ENDS}
        first = first or about
        for key, value in about.items():
            if value != first[key]:
                raise ConfigError(
                    f'{path}: of another experiment than {reports[0]}: '
                    f'{key} is {value!r}, not {first[key]!r}')
        for arm, split, seed, score in _scores(found):
            scores = merged.setdefault(arm, {}).setdefault(split, {})
            if scores.setdefault(seed, score) != score:
                raise ConfigError(
                    f'{path}: {arm}, seed {seed}, {split}: {score}, where '
                    f'{origin[arm, split, seed]} has {scores[seed]}')
            origin.setdefault((arm, split, seed), path)
    if not merged:
        raise ConfigError('no report was named')
    _check_complete(merged, origin)
    return save_report(Path(out), merged,
                       summarise(merged, *(first[key] for key in ENDS)),
                       first['score'], first['unit'])


def _read(path: Path) -> dict:
    found = read_json(path, 'report')
    try:
        next(_scores(found))
        for key in ('unit', 'splits', *ENDS):
            found['summary'][key]
    except (KeyError, TypeError, ValueError, AttributeError,
            StopIteration) as error:
        raise ConfigError(f'{path}: expected the gap_report.json that '
                          'tools/experiment.py writes') from error
    return found


def _candidates(summary: dict, key: str) -> list[str]:
    """The arms of which the best one is an end of the gap."""
    one = summary[key]
    return summary['candidates'].get(key) or ([] if one is None else [one])


def _scores(found: dict) -> Iterator[tuple[str, str, int, float]]:
    """Arm, split, seed and score, in the order of the report."""
    table = found[found['summary']['score']]
    for arm in found['arms']:
        for split in found['summary']['splits']:
            for seed, score in table[arm][split].items():
                yield arm, split, int(seed), float(score)


def _check_complete(table: Table, origin: dict) -> None:
    """Means over other seeds than those of the ends would not compare."""
    seeds = {seed for _, _, seed in origin}
    for arm, splits in table.items():
        for split, scores in splits.items():
            if missing := sorted(seeds - set(scores)):
                raise ConfigError(
                    f'{arm}, {split}: there is no score of seed '
                    f'{", ".join(map(str, missing))}; every report needs the '
                    'same arms (--arms)')
            splits[split] = dict(sorted(scores.items()))
