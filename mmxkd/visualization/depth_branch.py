"""What a depth branch sees, learns and doubts, and where objects are."""
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from .depth_colours import depth_colours

#: Distinct also to colour-blind eyes (Okabe and Ito).
TRUE, FOUND = '#009E73', '#D55E00'
_BINS, _DOUBT = 'viridis', 'magma'


@dataclass(frozen=True)
class Outlines:
    """3-D boxes of a frame, as lines.

    Attributes:
        edges: (N, 12, 2, 2) ends x, y in pixels of the picture; NaN where
            they cannot be seen.
        above: (N, 5, 2) closed outlines of the bottoms: x to the right and z
            forward, metres.
    """

    edges: np.ndarray = field(default_factory=lambda: np.zeros((0, 12, 2, 2)))
    above: np.ndarray = field(default_factory=lambda: np.zeros((0, 5, 2)))


@dataclass(frozen=True)
class DepthBranchFrame:
    """One frame.

    Attributes:
        picture: (H, W, 3) uint8 RGB, of the network's input.
        depth: (H, W) metres, 0 = no value.
        bins: (h, w) int, the target; ``number`` where there is none.
        number: Of bins.
        doubt: (h, w) in [0, 1]; seen where there is a target alone.
        true, found: Boxes of the labels and of the student.
        focal: Horizontal focal length and column of the axis in pixels, with
            which pixels of depth are drawn from above.
        padded: Height and width of the network's input, which the target and
            the uncertainty cover; default: those of the picture.
        padded: Height and width of the network's input, which the target and
            the uncertainty cover; default: those of the picture.
    """

    picture: np.ndarray
    depth: np.ndarray
    bins: np.ndarray
    number: int
    doubt: np.ndarray
    true: Outlines
    found: Outlines
    focal: tuple[float, float]
    padded: tuple[int, int] | None = None


def draw_depth_branch(frame: DepthBranchFrame, title: str = '',
                      reach: float = 50.0) -> np.ndarray:
    """Boxes in the picture, the depth that the teacher sees, the target of
    the branch, its uncertainty, and boxes from above.

    Args:
        frame (DepthBranchFrame): What to draw.
        title (str): Stands above.
        reach (float): Metres, as far as the view from above goes.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    height, width = frame.depth.shape
    tall = 4 * 7 * height / width + 1.4
    figure = Figure(figsize=(7 + 0.62 * tall, tall), dpi=100,
                    layout='constrained')
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplot_mosaic([['picture', 'above'], ['depth', 'above'],
                                  ['bins', 'above'], ['doubt', 'above']],
                                 width_ratios=[7, 0.62 * tall])
    shown = frame.bins < frame.number
    maps: dict[str, tuple[Any, str, dict[str, Any]]] = dict(
        picture=(frame.picture, 'boxes: labels green, student orange', {}),
        depth=(depth_colours(frame.depth), 'depth: what the teacher sees', {}),
        bins=(np.ma.array(frame.bins, mask=~shown),
              f'target of the branch: {frame.number} bins',
              dict(cmap=_BINS, vmin=0, vmax=frame.number - 1)),
        doubt=(np.ma.array(frame.doubt, mask=~shown),
               'uncertainty U: where features are distilled',
               dict(cmap=_DOUBT, vmin=0, vmax=1)))
    for name, (values, text, options) in maps.items():
        axis = axes[name]
        axis.set_facecolor('black')
        # Padding lies to the right and below: it is covered and not shown.
        bottom, right = (frame.padded if options and frame.padded else
                         (height, width))
        drawn = axis.imshow(values, interpolation='nearest',
                            extent=(0, right, bottom, 0), **options)
        axis.set(xlim=(0, width), ylim=(height, 0))
        axis.set_title(text, fontsize=9)
        axis.set(xticks=[], yticks=[])
        if options:
            figure.colorbar(drawn, ax=axis, fraction=0.02, pad=0.01)
    axes['picture'].set_autoscale_on(False)
    for boxes, colour in ((frame.true, TRUE), (frame.found, FOUND)):
        lines = boxes.edges.reshape(-1, 2, 2)
        lines = lines[np.isfinite(lines).all((1, 2))]
        axes['picture'].add_collection(
            LineCollection(list(lines), colors=colour, linewidths=1))
    _draw_above(axes['above'], frame, reach)
    figure.suptitle(title, fontsize=10)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_above(axis, frame: DepthBranchFrame, reach: float) -> None:
    """Pixels of depth and boxes, the camera at the bottom."""
    _, columns = np.nonzero(frame.depth)
    z = frame.depth[frame.depth > 0]
    x = (columns + 0.5 - frame.focal[1]) * z / frame.focal[0]
    axis.scatter(x, z, s=0.3, c='#999999', linewidths=0)
    for boxes, colour in ((frame.true, TRUE), (frame.found, FOUND)):
        axis.add_collection(
            LineCollection(list(boxes.above), colors=colour, linewidths=1.2))
    axis.set(xlim=(-reach / 3, reach / 3), ylim=(0, reach), aspect='equal')
    axis.set_xlabel('x, metres', fontsize=8)
    axis.set_ylabel('z, metres', fontsize=8)
    axis.tick_params(labelsize=7)
    axis.set_title('from above', fontsize=9)
