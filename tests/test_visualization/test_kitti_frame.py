import numpy as np
import pytest

from mmxkd.formats.kitti import KittiObjects
from mmxkd.visualization import draw_frame

P2 = np.array([[200., 0, 150, 0], [0, 200, 50, 0], [0, 0, 1, 0]])


def scene(**columns):
    return KittiObjects.from_frames({'000000': dict(columns)})


def draw(objects):
    image = np.full((100, 300, 3), 40, np.uint8)
    depth = np.zeros((100, 300), np.float32)
    depth[80, ::10] = 9
    return draw_frame(image, depth, objects, P2, '000000')


def pixels_of(picture, rgb):
    return np.count_nonzero((np.abs(picture.astype(int) - rgb)
                             < 40).all(axis=2))


def test_boxes_of_classes_have_their_colours():
    empty = scene(name=[], bbox=np.zeros((0, 4)))
    boxes = scene(name=['Car', 'DontCare'], bbox=[[60, 30, 120, 70],
                                                  [200, 10, 250, 40]],
                  dimensions=[[1.5, 1.6, 4], [-1, -1, -1]],
                  location=[[-3, 1, 14], [-1000, -1000, -1000]],
                  rotation_y=[.3, -10])
    plain, drawn = draw(empty), draw(boxes)
    # Twice the image, enlarged four times, and a title and a scale.
    assert plain.dtype == np.uint8
    assert plain.shape[0] >= 800 and 1200 <= plain.shape[1] < 1260
    yellow, white = (240, 228, 66), (255, 255, 255)
    assert pixels_of(drawn, yellow) > pixels_of(plain, yellow) + 300
    # Two dashed rectangles of 160 pixels, and nothing for the 3-D box.
    more = pixels_of(drawn, white) - pixels_of(plain, white)
    assert 50 < more < 2000


def test_lines_of_the_3d_box_are_where_they_should_be():
    """A box 10 m ahead whose face spans 20 x 20 pixels around the centre."""
    box = scene(name=['Pedestrian'], bbox=[[0, 0, 1, 1]],
                dimensions=[[1., .01, 1.]], location=[[0, .5, 10]],
                rotation_y=[0])
    picture = draw(box)
    blue = (np.abs(picture.astype(int) - (86, 180, 233)) < 60).all(axis=2)
    rows, columns = np.nonzero(blue[:, 160:])
    upper = rows < picture.shape[0] // 2
    height, width = np.ptp(rows[upper]), np.ptp(columns[upper])
    assert height == pytest.approx(4 * 20, abs=5)
    assert width == pytest.approx(4 * 20, abs=5)
