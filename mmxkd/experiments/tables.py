"""The tables of a report as rows of text, for Markdown and HTML."""
from .gap import spread
from .summary import Summary, show


def head_and_rows(summary: Summary) -> list[list[str]]:
    """The table of arms as text; the first row holds the titles."""
    last = summary.splits[-1]
    reachable = summary.reachable is not None
    rows = [[
        'model', *(f'{split} {summary.score}' for split in summary.splits),
        *(f'gap recovered, {split}' for split in summary.splits),
        *([f'of what {summary.reachable} reaches, {last}'] * reachable),
        f'better than baseline, {last}'
    ]]
    for model, cells in summary.arms.items():
        row = [model, *(spread(cell.scores) for cell in cells.values())]
        better, number = cells[last].wins
        if model in summary.ends:
            share = '100 %' if model == summary.teacher else '0 %'
            row += [share] * len(summary.splits)
        else:
            row += [show(cell.gap) for cell in cells.values()]
        if reachable:
            row.append(show(cells[last].reachable))
        row.append('' if model in
                   summary.ends else f'{better} of {number} seeds')
        rows.append(row)
    return rows


def paired_rows(summary: Summary) -> list[list[str]]:
    """Differences to the baseline by seed; the first row holds titles."""
    last = summary.splits[-1]
    base = summary.arms[summary.baseline][last].scores
    rows = [['model', *(f'seed {seed}' for seed in base), 'mean']]
    for model, cells in summary.arms.items():
        if model == summary.baseline:
            continue
        scores = cells[last].scores
        rows.append([
            model, *(f'{scores[s] - base[s]:+.1f}' if s in scores else ''
                     for s in base),
            show(cells[last].difference, 1, '', sign=True)
        ])
    return rows


def notes(summary: Summary) -> list[str]:
    """What a reader of the tables has to know."""
    number = len(summary.arms[summary.teacher][summary.splits[-1]].scores)
    several = number > 1
    lines = [
        f'{number} seed' + 's, mean ± s.d.' * several + f'; {summary.unit}'
    ]
    if several:
        lines.append('[low, high]: 95 % bootstrap interval over seeds, '
                     'paired; no gap: also where a resample has none.')
    for key, names in summary.candidates.items():
        chosen = getattr(summary, key)
        others = ', '.join(n for n in names if n != chosen)
        lines.append(f'The {key} is {chosen}, better on {summary.chosen_on} '
                     f'than {others}.')
    return lines
