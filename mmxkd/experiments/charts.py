"""Small charts as SVG, which stands inside of an HTML file."""
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmxkd.io.escape import escape

from .curves import Curve
from .statistics import Estimate

# Okabe and Ito: distinct also to colour-blind eyes.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9',
           '#000000', '#999999')
# The second eight arms have dashed lines, the third dotted ones.
DASHES = ('none', '6 3', '2 3')
WIDTH, LEFT, ROW, FOOT = 640, 170, 26, 40
ROW_OF_NAMES = 18
# Longer curves have no dots at their points.
FEW_POINTS = 9


@dataclass(frozen=True)
class Look:
    """How an arm is drawn, the same in every chart.

    Attributes:
        colour: Of its dots and lines.
        dashes: Of its curves, as SVG's ``stroke-dasharray``.
    """

    colour: str
    dashes: str


def looks(arms: Iterable[str]) -> dict[str, Look]:
    """One look for each arm."""
    number = len(COLOURS)
    return {
        arm: Look(COLOURS[i % number], DASHES[i // number % len(DASHES)])
        for i, arm in enumerate(arms)
    }


def scale(low: float, high: float) -> list[float]:
    """Round numbers that cover a range: the ticks of its axis.

    Examples:
        >>> scale(3, 47)
        [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    """
    if high - low < 1e-6:
        low, high = low - 1, high + 1
    span = high - low
    step = 10.0**int(f'{span / 4:e}'.split('e')[1])
    step *= next(k for k in (1, 2, 2.5, 5, 10) if span / (k * step) <= 6)
    first, last = int(low // step), -int(-high // step)
    return [round(i * step, 12) for i in range(first, last + 1)]


def dots(values: Mapping[str, Sequence[float]], unit: str,
         drawn_as: Mapping[str, Look]) -> str:
    """One row per arm: a dot per seed, and a bar at their mean."""
    every = [x for row in values.values() for x in row]
    rows = [(name, ''.join(f'<circle cx="{{{x!r}}}" r="4"/>' for x in row)
             + f'<rect x="{{{sum(row) / len(row)!r}}}" y="-8" width="2" '
             'height="16"/>') for name, row in values.items()]
    return _rows(rows, scale(min(every), max(every)), unit, drawn_as)


def bars(values: Mapping[str, Estimate], unit: str,
         drawn_as: Mapping[str, Look]) -> str:
    """One row per arm: a dot with its interval as a line."""
    every = [0.0, 100.0]
    rows = []
    for name, e in values.items():
        mark = f'<circle cx="{{{e.value!r}}}" r="4"/>'
        every.append(e.value)
        if e.low is not None and e.high is not None:
            mark += (f'<line x1="{{{e.low!r}}}" x2="{{{e.high!r}}}" y1="0" '
                     'y2="0" stroke-width="2"/>')
            every += [e.low, e.high]
        rows.append((name, mark))
    return _rows(rows, scale(min(every), max(every)), unit, drawn_as)


def _rows(rows: Sequence[tuple[str, str]], ticks: Sequence[float], unit: str,
          drawn_as: Mapping[str, Look]) -> str:
    """Rows of marks; ``{number}`` in a mark is a place on the axis."""
    height = ROW * len(rows) + FOOT

    def place(x: float) -> float:
        share = (x - ticks[0]) / (ticks[-1] - ticks[0])
        return LEFT + share * (WIDTH - LEFT - 20)

    parts = [_axis(place(t), f'{t:g}', 10, height - FOOT) for t in ticks]
    for i, (name, marks) in enumerate(rows):
        # Places in the marks are numbers in braces, written above.
        pieces = marks.replace('{', '\0').replace('}', '\0').split('\0')
        pieces[1::2] = [f'{place(float(x)):.1f}' for x in pieces[1::2]]
        colour = drawn_as[name].colour
        y = ROW * i + ROW / 2 + 10
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">'
                     f'{escape(name[:24], "html")}</text><g transform='
                     f'"translate(0 {y})" fill="{colour}" stroke="{colour}">'
                     f'{"".join(pieces)}</g>')
    parts.append(_label(unit, height))
    return _svg(height, parts)


def lines(curves: Mapping[str, Sequence[Curve]], unit: str, under: str,
          drawn_as: Mapping[str, Look]) -> str:
    """One colour per arm and one line per seed; short ones with dots."""
    points = [p for row in curves.values() for curve in row for p in curve]
    across = scale(min(x for x, _ in points), max(x for x, _ in points))
    up = scale(min(y for _, y in points), max(y for _, y in points))
    # As high as the names beside it.
    bottom = max(260, 24 + ROW_OF_NAMES * len(curves))
    height = bottom + FOOT

    def place(point: tuple[float, float]) -> str:
        x = (point[0] - across[0]) / (across[-1] - across[0])
        y = (point[1] - up[0]) / (up[-1] - up[0])
        return (f'{LEFT + x * (WIDTH - LEFT - 20):.1f},'
                f'{bottom - y * (bottom - 10):.1f}')

    parts = []
    for tick in across:
        x = float(place((tick, up[0])).split(',')[0])
        parts.append(_axis(x, f'{tick:g}', 10, bottom))
    for tick in up:
        y = float(place((across[0], tick)).split(',')[1])
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" '
                     f'text-anchor="end" class="tick">{tick:g}</text>')
    for i, (name, row) in enumerate(curves.items()):
        look = drawn_as[name]
        for curve in row:
            places = [place(point) for point in curve]
            parts.append(f'<polyline points="{" ".join(places)}" fill="none" '
                         f'stroke="{look.colour}" stroke-width="1.5" '
                         f'stroke-dasharray="{look.dashes}"/>')
            if len(places) <= FEW_POINTS:
                parts += [_dot(where, look.colour) for where in places]
        parts.append(
            f'<text x="4" y="{24 + ROW_OF_NAMES * i}" '
            f'fill="{look.colour}">{escape(name[:18], "html")}</text>')
    parts.append(_label(f'{unit} by {under}', height))
    return _svg(height, parts)


def _dot(where: str, colour: str) -> str:
    x, y = where.split(',')
    return f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'


def _axis(x: float, text: str, top: float, bottom: float) -> str:
    return (f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" '
            f'class="grid"/><text x="{x:.1f}" y="{bottom + 16}" '
            f'text-anchor="middle" class="tick">{text}</text>')


def _label(text: str, height: float) -> str:
    return (f'<text x="{(LEFT + WIDTH - 20) / 2}" y="{height - 6}" '
            f'text-anchor="middle">{escape(text, "html")}</text>')


def _svg(height: float, parts: Sequence[str]) -> str:
    return (f'<svg viewBox="0 0 {WIDTH} {height}" role="img">' + ''.join(parts)
            + '</svg>')
