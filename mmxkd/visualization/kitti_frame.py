"""A KITTI frame with its labels and its LiDAR depth in one picture."""
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmxkd.formats.kitti import KittiObjects
from mmxkd.formats.kitti.camera_boxes import CameraBoxes, project_edges

from .depth_colours import COLOUR_MAP, NEAREST_SHARE, depth_overlay

# Distinct also to colour-blind eyes (Okabe and Ito).
_COLOURS = {'Car': '#F0E442', 'Pedestrian': '#56B4E9', 'Cyclist': '#CC79A7'}
_OTHERS = '#FFFFFF'
_WIDTH = 1200


def draw_frame(image: np.ndarray, depth: np.ndarray, objects: KittiObjects,
               cam2img: np.ndarray, title: str = '',
               max_depth: float = 80.0) -> np.ndarray:
    """Draw labels over the image, and below it once more over its depth.

    2-D boxes are dashed, 3-D boxes are solid; ``DontCare`` has no 3-D box.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        depth (np.ndarray): (H, W) metres, 0 = no value.
        objects (KittiObjects): Labels or results of the frame.
        cam2img (np.ndarray): (3, 4) projection, P2.
        title (str): Stands above.
        max_depth (float): Metres, end of the colour scale.

    Returns:
        np.ndarray: RGB uint8, both pictures at least at the size of ``image``.
    """
    height, width = depth.shape
    # Inches of a pixel, at 100 dpi: small images are enlarged.
    inch = max(1.0, _WIDTH / width) / 100
    figure = Figure(figsize=(1.02 * width * inch, 2.04 * height * inch + 1.1),
                    dpi=100, layout='constrained')
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(2)
    for axis, picture in zip(axes,
                             (image, depth_overlay(image, depth, max_depth)),
                             strict=True):
        axis.imshow(picture, interpolation='nearest',
                    extent=(0, width, height, 0))
        axis.set_axis_off()
        axis.set_autoscale_on(False)
        _draw_objects(axis, objects, cam2img)
    figure.suptitle(title)
    bar = figure.colorbar(
        ScalarMappable(LogNorm(NEAREST_SHARE * max_depth, max_depth),
                       COLOUR_MAP), ax=axes, location='bottom', fraction=0.03,
        aspect=80, pad=0.01, label='depth, metres', ticks=_ticks(max_depth),
        format='%g')
    bar.ax.minorticks_off()
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _ticks(max_depth: float) -> list[float]:
    return [
        max_depth * share for share in (NEAREST_SHARE, .05, .1, .25, .5, 1)
    ]


def _draw_objects(axis, objects: KittiObjects, cam2img: np.ndarray) -> None:
    edges = project_edges(
        CameraBoxes(objects.location, objects.dimensions, objects.rotation_y),
        cam2img)
    for i, name in enumerate(objects.name.tolist()):
        colour = _COLOURS.get(name, _OTHERS)
        x1, y1, x2, y2 = objects.bbox[i]
        axis.add_patch(
            Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=1,
                      edgecolor=colour, linestyle='--'))
        axis.text(x1, y1 - 2, name, color=colour, fontsize=8, clip_on=True)
        if (objects.dimensions[i] > 0).all():
            axis.add_collection(
                LineCollection(
                    edges[i][np.isfinite(edges[i]).all(axis=(1, 2))],
                    colors=colour, linewidths=1))
