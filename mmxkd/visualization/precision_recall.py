"""Precision-recall curves of a KITTI evaluation."""
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.kitti import KittiResult
from mmxkd.formats.kitti import DIFFICULTIES
from mmxkd.io.atomic import write_atomic

_COLOURS = dict(
    zip([level.name for level in DIFFICULTIES],
        ('#2a9d4a', '#1f6fb5', '#c8452c'), strict=True))
_TITLES = {
    'bbox': 'image box', 'aos': 'orientation (AOS)', 'bev': "bird's-eye view",
    '3d': '3-D box'
}


def draw_curves(result: KittiResult, path: str | Path) -> None:
    """Draw one panel for each class and metric, three difficulties each.

    Args:
        result (KittiResult): What to draw.
        path (str | Path): ``.png``, ``.pdf`` or ``.svg``; written whole.

    Raises:
        ConfigError: Another ending, or there is no curve.
    """
    kind = Path(path).suffix[1:]
    if kind not in ('png', 'pdf', 'svg'):
        raise ConfigError(f'{path}: expected a name that ends in .png, .pdf '
                          'or .svg')
    classes = list(dict.fromkeys(c.class_name for c in result.curves))
    panels = list(dict.fromkeys((c.metric, c.overlap) for c in result.curves))
    if not panels:
        raise ConfigError('no curve was evaluated, so there is none to draw')
    figure = Figure(figsize=(3.2 * len(panels), 3 * len(classes) + .5),
                    layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(classes), len(panels), squeeze=False,
                           sharex=True, sharey=True)
    for row, class_name in zip(axes, classes, strict=True):
        for axis, (metric, overlap) in zip(row, panels, strict=True):
            _draw_panel(axis, result, class_name, metric, overlap)
    for axis in axes[-1]:
        axis.set_xlabel('recall')
    for axis in axes[:, 0]:
        axis.set_ylabel('precision')
    figure.suptitle(f'KITTI 2019, {result.num_frames} frames, AP$_{{R40}}$')
    write_atomic(str(path),
                 lambda file: figure.savefig(file, format=kind, dpi=120))


def _draw_panel(axis, result: KittiResult, class_name: str, metric: str,
                overlap: str) -> None:
    curves = [
        c for c in result.curves
        if (c.class_name, c.metric, c.overlap) == (class_name, metric, overlap)
    ]
    recall = np.linspace(0, 1, 41)
    for curve in curves:
        axis.plot(
            recall, curve.values, color=_COLOURS[curve.difficulty],
            label=f'{curve.difficulty} {curve.ap40:.2f} '
            f'(n_gt {curve.num_gt})')
    limit = (f'overlap > {curves[0].min_overlap:g}' if curves else
             'not evaluated')
    axis.set_title(f'{class_name}, {_TITLES[metric]}, {limit}', fontsize=8)
    axis.set(xlim=(0, 1), ylim=(0, 1.02))
    axis.grid(alpha=.3)
    if curves:
        axis.legend(fontsize=7, loc='best')
