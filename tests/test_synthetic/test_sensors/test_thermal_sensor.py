"""Temperatures and disparities as pictures."""
import cv2
import numpy as np

from mmxkd.synthetic import rasterize
from mmxkd.synthetic.drives.rig import drive_camera
from mmxkd.synthetic.sensors.disparity import BASELINE, render_disparity
from mmxkd.synthetic.sensors.thermal import NOISE, render_thermal
from mmxkd.synthetic.worlds.ground import GROUND_TEMPERATURE
from mmxkd.synthetic.worlds.scene import Facet, Material, SceneObject

CAMERA = drive_camera(.25)


def square(z, half, degrees):
    corners = np.array([[-half, -half, z], [half, -half, z], [half, half, z],
                        [-half, half, z]])
    facet = Facet(corners, np.array([0, 0, -1.0]),
                  Material((.4, .4, .4), .5, temperature=degrees))
    return SceneObject('square', None, np.array([0, 1.4, z]), (1, 1, 1), 0.0,
                       (facet, ))


def test_counts_are_temperatures(make_scene):
    """40 per degree, -20 at MM-DistillNet's 21800."""
    scene = make_scene(square(10, 1.0, 30.0))
    counts = render_thermal(scene, rasterize(scene, CAMERA)).astype(float)
    degrees = (counts - 21800) / 40 - 20
    assert counts.shape == (128, 320)
    middle = degrees[48:60, 150:170]
    assert abs(middle.mean() - 30) < .05
    assert abs(middle.std() - NOISE) < .03
    assert abs(degrees[110:].mean() - GROUND_TEMPERATURE) < .02
    assert abs(degrees[:20].mean() + 20) < .02


def test_colours_are_disparities(make_scene):
    """Jet over the largest disparity, that of the nearest ground."""
    scene = make_scene(square(10, 1.0, 10.0))
    surfaces = rasterize(scene, CAMERA)
    picture = render_disparity(scene, surfaces, CAMERA)
    nearest = BASELINE * CAMERA.focal / surfaces.depth.min()
    share = BASELINE * CAMERA.focal / 10 / nearest
    palette = cv2.applyColorMap(np.arange(256, dtype=np.uint8),
                                cv2.COLORMAP_JET)[:, 0].astype(float)
    middle = picture[48:60, 150:170].reshape(-1, 3).mean(0)
    assert np.abs(middle - palette[round(255 * share)]).max() < 6
    # The sky is the darkest blue, the nearest row dark red.
    assert np.abs(picture[:20].reshape(-1, 3).mean(0) - palette[0]).max() < 3
    assert picture[-1, :, 2].min() > 120 and picture[-1, :, 0].max() == 0
