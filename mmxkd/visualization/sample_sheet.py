"""A packed sample on one sheet: each modality, and all over each other."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from mmxkd.modalities import MODALITIES

from .grid import picture_grid
from .label_sheet import COLOURS
from .overlay import overlay_modalities, picture_of
from .packed_samples import POINTS, ShownSample
from .solid_boxes import seen_from_above

_LEGEND_COLUMNS = 8


class _Panel(NamedTuple):
    title: str
    image: np.ndarray
    #: What is drawn onto it; None: nothing, as on a sound.
    sample: ShownSample | None = None
    #: (M, 5, 2) outlines of boxes from above, pixels.
    outlines: np.ndarray | None = None


def sample_sheet(sample: ShownSample, classes: Sequence[str] = (),
                 width: float = 16.0) -> np.ndarray:
    """Draw all modalities of a sample with its boxes.

    One picture per modality, and, where several lie in the camera frame, all
    of them over each other. Boxes have the colour of their class; ignored
    ones are dashed; a teacher's have their score; 3-D boxes are thin.

    Args:
        sample (ShownSample): At least one modality, or points.
        classes (Sequence[str]): Names of the labels, where there are any.
        width (float): Of the sheet, in units of 100 pixels.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: An array is not what its modality is.
    """
    panels = [
        _panel(name, array, sample) for name, array in sample.arrays.items()
    ]
    spatial = {
        name: array for name, array in sample.arrays.items()
        if name in MODALITIES and MODALITIES[name].spatial
    }
    if len(spatial) > 1:
        picture, words = overlay_modalities(spatial)
        panels.append(_Panel('all · ' + ' · '.join(words), picture, sample))
    if sample.points is not None:
        image, outlines = seen_from_above(sample.points, sample.solids)
        panels.append(
            _Panel(f'{POINTS} from above, forward is up, high is red', image,
                   sample, outlines))
    if not panels:
        raise ValueError('the sample has no modality to draw')
    columns = _columns(panels)
    return picture_grid(panels, _draw, _legend(sample, classes), sample.title,
                        columns, width, title_size=10,
                        legend_columns=_LEGEND_COLUMNS)


def _panel(name: str, array: np.ndarray, sample: ShownSample) -> _Panel:
    known = MODALITIES.get(name)
    on_picture = known is None or known.spatial
    shape = 'x'.join(map(str, array.shape))
    return _Panel(f'{name} · {shape} {array.dtype}', picture_of(name, array),
                  sample if on_picture else None)


def _columns(panels: Sequence[_Panel]) -> int:
    """One below the other where pictures are wide, as KITTI's are."""
    height, width = panels[0].image.shape[:2]
    if len(panels) == 1 or width > 2.2 * height:
        return 1
    return 2 if len(panels) in (2, 4) else min(3, len(panels))


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)]


def _legend(sample: ShownSample, classes: Sequence[str]) -> list[Line2D]:
    """The classes that are on the sheet."""
    labels = np.concatenate([sample.boxes.labels, sample.solids.labels])
    entries = [
        Line2D([], [], color=_colour(k), lw=2,
               label=classes[k] if 0 <= k < len(classes) else f'class {k}')
        for k in np.unique(labels).astype(int).tolist()
    ]
    if sample.boxes.ignored.any():
        entries.append(
            Line2D([], [], color='grey', lw=2, ls='--', label='ignored'))
    return entries


def _draw(axis, panel: _Panel) -> None:
    sample = panel.sample
    if sample is None:
        return
    # Boxes that reach beyond the picture must not shrink it.
    axis.set_autoscale_on(False)
    if panel.outlines is not None:
        axis.add_collection(
            LineCollection(
                list(panel.outlines),
                colors=[_colour(k) for k in sample.solids.labels.tolist()],
                linewidths=1.5))
        return
    boxes = sample.boxes
    for box, label, ignored, score in zip(boxes.corners, boxes.labels.tolist(),
                                          boxes.ignored, boxes.scores,
                                          strict=True):
        axis.add_patch(
            Rectangle(box[:2], *(box[2:] - box[:2]), fill=False, lw=1.5,
                      edgecolor=_colour(label), ls='--' if ignored else '-',
                      clip_on=True))
        if not np.isnan(score):
            axis.text(box[0], box[1] - 2, f'{score:.2f}', fontsize=8,
                      color=_colour(label), clip_on=True)
    for edges, label in zip(sample.solids.edges, sample.solids.labels.tolist(),
                            strict=True):
        seen = edges[np.isfinite(edges).all(axis=(1, 2))]
        axis.add_collection(
            LineCollection(list(seen), colors=_colour(label), linewidths=0.8))
