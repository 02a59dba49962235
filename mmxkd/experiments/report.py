"""The report on the recovered gap, as markdown and as JSON."""
from collections.abc import Sequence
from pathlib import Path

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.io.atomic import write_json, write_text
from mmxkd.io.escape import escape

from .gap import gap_recovered, spread
from .scores import Table, read_scores, seeds_in

SPLITS = ('val', 'test')
TEACHER, BASELINE = 'teacher', 'baseline'


def write_report(runs: Path, data_root: Path, models: Sequence[str],
                 teacher: str = TEACHER, baseline: str = BASELINE,
                 seeds: Sequence[int] | None = None,
                 splits: Sequence[str] = SPLITS) -> str:
    """Evaluate, write ``gap_report.{md,json}`` and return the markdown.

    Args:
        runs (Path): Holds ``seed_<k>/<model>/<split>.bbox.json``, and gets
            the report.
        data_root (Path): Converted data, with the ground truth.
        models (Sequence[str]): One row each.
        teacher, baseline (str): The models that the gap lies between.
        seeds (Sequence[int], optional): Default: those that have a folder.
        splits (Sequence[str]): Students are counted as better on the last.

    Raises:
        ConfigError: A file is missing, or teacher or baseline in ``models``.
    """
    for needed in (teacher, baseline):
        if needed not in models:
            raise ConfigError(f'the models need {needed!r}: '
                              + did_you_mean(needed, models))
    table = read_scores(runs, data_root, models,
                        seeds_in(runs) if seeds is None else seeds, splits)
    text = markdown(table, teacher, baseline)
    write_text(runs / 'gap_report.md', text)
    write_json(
        runs / 'gap_report.json', {
            'mAP': table, 'gap_recovered': {
                model: {
                    split: gap_recovered(scores, table[baseline][split],
                                         table[teacher][split])
                    for split, scores in values.items()
                } for model, values in table.items()
                if model not in (teacher, baseline)
            }
        })
    return text


def markdown(table: Table, teacher: str = TEACHER,
             baseline: str = BASELINE) -> str:
    """The report as a markdown table, one row per model."""
    splits = list(table[teacher])
    last = splits[-1]
    number = len(table[teacher][last])
    titles = [
        'model', *(f'{split} mAP' for split in splits),
        *(f'gap recovered, {split}' for split in splits),
        f'better than baseline, {last}'
    ]
    lines = [_row(titles), '|' + '---|' * len(titles)]
    for model, values in table.items():
        row = [model, *(spread(scores) for scores in values.values())]
        if model in (teacher, baseline):
            share = '100 %' if model == teacher else '0 %'
            row += [share] * len(splits) + ['']
        else:
            row += [
                spread(
                    gap_recovered(scores, table[baseline][split],
                                  table[teacher][split]), 0, ' %')
                for split, scores in values.items()
            ]
            better = sum(score > table[baseline][last][seed]
                         for seed, score in values[last].items())
            row.append(f'{better} of {number} seeds')
        lines.append(_row(row))
    note = (f'{number} seed' + 's, mean ± s.d.' *
            (number > 1) + '; mAP is COCO AP@[.50:.95] in %.')
    return '\n'.join([*lines, '', note]) + '\n'


def _row(cells: Sequence[str]) -> str:
    # Names of arms and splits are the user's, e.g. of folders: a bar or a
    # line break in one would shift the table.
    return '| ' + ' | '.join(escape(cell, 'markdown') for cell in cells) + ' |'
