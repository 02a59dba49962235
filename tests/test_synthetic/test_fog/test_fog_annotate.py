import numpy as np
import pytest

from mmxkd.formats.stf.alignment import gated_to_left, transform_points
from mmxkd.synthetic import (
    SceneDifficulty,
    canvas_camera,
    rasterize,
    sample_scene,
)
from mmxkd.synthetic.fog.annotate import annotate
from mmxkd.synthetic.fog.rig import GATED_CENTRE, GATED_FOCAL

CAMERA = canvas_camera(0.25)
FRAMES = range(8)


@pytest.fixture(scope='module')
def frames():
    drawn = []
    for index in FRAMES:
        scene = sample_scene(11, index, SceneDifficulty(pedestrians=5))
        surfaces = rasterize(scene, CAMERA)
        drawn.append(
            (scene, surfaces, annotate(scene, surfaces, CAMERA, 'gated')))
    return drawn


def _matching(scene, label):
    """Number of the object that a label is about, by its position."""
    gaps = [
        np.abs(np.array(label.location) - thing.position).max()
        for thing in scene.objects
    ]
    assert min(gaps) < 1e-3
    return int(np.argmin(gaps))


def test_boxes_enclose_the_visible_pixels(frames):
    count = 0
    for scene, surfaces, labels in frames:
        left, top = CAMERA.offset
        instance = surfaces.instance[top:top + 180, left:left + 320]
        for label in labels:
            rows, columns = np.nonzero(instance == _matching(scene, label) + 1)
            x1, y1, x2, y2 = label.box
            # OpenCV fills the pixels that the outline touches.
            assert columns.min() >= x1 - 1 and columns.max() + 1 <= x2 + 1
            assert rows.min() >= y1 - 1 and rows.max() + 1 <= y2 + 1
            count += 1
    assert count > 20


def test_boxes_of_whole_objects_are_tight(frames):
    count = 0
    for scene, surfaces, labels in frames:
        left, top = CAMERA.offset
        instance = surfaces.instance[top:top + 180, left:left + 320]
        for label in labels:
            number = _matching(scene, label) + 1
            visible = (surfaces.instance == number).sum()
            if label.truncated or visible < surfaces.areas[number - 1]:
                continue
            rows, columns = np.nonzero(instance == number)
            found = (columns.min(), rows.min(), columns.max() + 1,
                     rows.max() + 1)
            assert label.box == pytest.approx(found, abs=1.5)
            count += 1
    assert count > 5


def test_height_in_pixels_follows_from_height_and_distance(frames):
    count = 0
    for _, _, labels in frames:
        for label in labels:
            if label.name != 'Pedestrian' or label.truncated:
                continue
            expected = GATED_FOCAL / 4 * label.size[0] / label.location[2]
            height = label.box[3] - label.box[1]
            assert height == pytest.approx(expected, rel=.12, abs=1)
            foot = GATED_FOCAL * 1.4 / label.location[2] + GATED_CENTRE[1]
            assert label.box[3] == pytest.approx(foot / 4, abs=4)
            count += 1
    assert count > 8


def test_left_labels_are_the_gated_ones_through_the_homography(frames):
    scene, surfaces, gated = frames[1]
    left = {
        label.location: label
        for label in annotate(scene, surfaces, CAMERA, 'left')
    }
    count = 0
    for label in gated:
        if label.truncated:
            continue
        x1, y1, x2, y2 = label.box
        corners = np.array([[x1, y1], [x2, y1], [x1, y2], [x2, y2]]) * 4
        mapped = transform_points(gated_to_left(), corners) / 4
        expected = [*mapped.min(0), *mapped.max(0)]
        # The matrix shears by 2 %: the corners of the box span a little more
        # than the object.
        assert left[label.location].box == pytest.approx(
            expected, abs=.05 + .021 * (y2 - y1))
        count += 1
    assert count


def test_fog_clears_the_rgb_flag_but_not_the_gated_one():
    dense = SceneDifficulty(weather_mix={'dense_fog': 1.0}, pedestrians=8)
    for index in range(4):
        scene = sample_scene(2, index, dense)
        for label in annotate(scene, rasterize(scene, CAMERA), CAMERA,
                              'gated'):
            lost = np.exp(-scene.atmosphere.beta * label.location[2]) <= .05
            assert label.visible == (not lost, True, None, None)


def test_only_road_users_are_labelled(frames):
    names = {label.name for _, _, labels in frames for label in labels}
    assert names <= {
        'Pedestrian', 'Pedestrian_is_group', 'PassengerCar', 'LargeVehicle',
        'RidableVehicle'
    }
    assert 'Pedestrian' in names
