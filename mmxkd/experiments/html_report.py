"""The report as one HTML file that needs nothing beside it."""
import base64
from collections.abc import Mapping, Sequence

from mmxkd.io.escape import escape

from .charts import bars, dots, lines, looks
from .curves import Curves
from .summary import Summary
from .tables import head_and_rows, notes, paired_rows

STYLE = '''
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .6rem; text-align: right;
         border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
svg { width: 100%; max-width: 44rem; font-size: 13px; }
.grid { stroke: #e4e4e4; }
.tick { fill: #666; font-size: 11px; }
img { max-width: 100%; }
'''


def html_report(summary: Summary, curves: Mapping[str, Sequence[Curves]],
                pictures: bytes | None) -> str:
    """The whole file.

    Args:
        summary (Summary): What the tables hold.
        curves (dict[str, list[Curves]]): Of each arm, one per seed.
        pictures (bytes | None): A PNG of detections.
    """
    last = summary.splits[-1]
    title = f'Gap recovered, {summary.baseline} to {summary.teacher}'
    shares = {
        name: cells[last].gap for name, cells in summary.arms.items()
        if name not in summary.ends
    }
    drawn_as = looks(summary.arms)
    gaps = {name: share for name, share in shares.items() if share}
    parts = [
        _heading(1, title),
        _table(head_and_rows(summary)),
        *(f'<p>{escape(line, "html")}</p>' for line in notes(summary)),
        _heading(2, f'{summary.score} of each seed, {last}'),
        dots(
            {
                name: list(cells[last].scores.values())
                for name, cells in summary.arms.items()
            }, f'{summary.score} in %; the bar is the mean', drawn_as)
    ]
    if gaps:
        parts += [
            _heading(2, f'Share of the gap, {last}'),
            bars(gaps, '% of the gap; the line is the 95 % interval', drawn_as)
        ]
    parts += [
        _heading(
            2,
            f'{summary.score} minus that of the {summary.baseline}, {last}'),
        _table(paired_rows(summary))
    ]
    for name, unit, under in (('score', f'{summary.score} on val in %',
                               'epoch'), ('loss', 'total loss', 'iteration')):
        drawn = {
            arm: [c for c in (getattr(own, name) for own in runs) if c]
            for arm, runs in curves.items()
        }
        drawn = {arm: found for arm, found in drawn.items() if found}
        if drawn:
            parts += [_heading(2, unit), lines(drawn, unit, under, drawn_as)]
    if pictures is not None:
        data = base64.b64encode(pictures).decode('ascii')
        parts += [
            _heading(2, f'Detections, {last}'),
            f'<img alt="Detections beside the ground truth" '
            f'src="data:image/png;base64,{data}"/>'
        ]
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
            f'<title>{escape(title, "html")}</title><style>{STYLE}</style>'
            '</head><body>\n' + '\n'.join(parts) + '\n</body></html>\n')


def _heading(level: int, text: str) -> str:
    return f'<h{level}>{escape(text, "html")}</h{level}>'


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ([escape(cell, 'html') for cell in row] for row in rows)
    lines = ['<tr>' + ''.join(f'<th>{cell}</th>' for cell in head) + '</tr>']
    lines += [
        '<tr>' + ''.join(f'<td>{cell}</td>' for cell in row) + '</tr>'
        for row in body
    ]
    return '<table>' + '\n'.join(lines) + '</table>'
