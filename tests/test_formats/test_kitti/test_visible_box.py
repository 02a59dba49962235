import numpy as np
import pytest

from mmxkd.formats.kitti.camera_boxes import (
    CameraBoxes,
    box_corners,
    project_boxes,
)
from mmxkd.formats.kitti.visible_box import visible_boxes

P2 = np.array([[100., 0., 50., 3.], [0., 100., 30., -1.], [0., 0., 1., .01]])
SIZE = (101, 61)


def boxes_of(*rows):
    """x, y, z, height, width, length, rotation_y of each box."""
    table = np.array(rows, float)
    return CameraBoxes(table[:, :3], table[:, 3:6], table[:, 6])


def by_sampling(boxes, k, steps=60):
    """Extent of many points of the surface that the image shows."""
    a, b = np.meshgrid(*[np.linspace(0, 1, steps)] * 2)
    corners = box_corners(boxes)[k]
    origin, along, up, aside = (corners[i] for i in (0, 1, 2, 4))
    axes = [along - origin, up - origin, aside - origin]
    points = []
    for axis in range(3):
        p, q = (axes[i] for i in range(3) if i != axis)
        for end in (0, 1):
            points.append((origin + end * axes[axis] + a[..., None] * p
                           + b[..., None] * q).reshape(-1, 3))
    q = np.concatenate(points) @ P2[:, :3].T + P2[:, 3]
    q = q[q[:, 2] >= .1]
    uv = q[:, :2] / q[:, 2:]
    uv = uv[np.all((uv >= 0) & (uv <= [100, 60]), axis=1)]
    return [*uv.min(0), *uv.max(0)] if len(uv) else None


def test_boxes_inside_of_the_image_are_their_projection():
    boxes = boxes_of([0, 1, 9, 1.5, 1.6, 3.9, .4], [-1, .5, 20, 2, 1, 1, -3])
    np.testing.assert_allclose(visible_boxes(boxes, P2, *SIZE),
                               project_boxes(boxes, P2), atol=1e-9)


@pytest.mark.parametrize('seed', range(3))
def test_boxes_that_leave_the_image_against_sampled_points(seed):
    rng = np.random.default_rng(seed)
    boxes = boxes_of(*np.column_stack([
        rng.uniform(-4, 4, 12),
        rng.uniform(-1, 2, 12),
        rng.uniform(.5, 7, 12),
        rng.uniform(1, 2, 12),
        rng.uniform(1, 2, 12),
        rng.uniform(2, 5, 12),
        rng.uniform(-3, 3, 12)
    ]))
    found = visible_boxes(boxes, P2, *SIZE)
    compared = 0
    for k, box in enumerate(found):
        expected = by_sampling(boxes, k)
        if expected is None:
            continue
        compared += 1
        # Samples lie within, and leave out less than two pixels at the rim.
        inner = np.array(expected) * [1, 1, -1, -1]
        gap = inner - box * [1, 1, -1, -1]
        assert (gap >= -1e-9).all() and (gap < 2).all()
    assert compared > 3


def test_the_far_corner_does_not_count():
    # Leaves the image to the right below its top: clipping the rectangle
    # around the whole box would put the top too high.
    boxes = boxes_of([3.4, 1.2, 4., 1.4, 1.6, 4., .6])
    found = visible_boxes(boxes, P2, *SIZE)[0]
    clipped = project_boxes(boxes, P2)[0]
    assert found[2] == pytest.approx(100)
    assert found[1] > clipped[1] + 1


def test_what_the_image_does_not_show():
    boxes = boxes_of([0, 1, -9, 1.5, 1.6, 3.9, .4],
                     [60, 1, 9, 1.5, 1.6, 3.9, .4])
    assert np.isnan(visible_boxes(boxes, P2, *SIZE)).all()
    assert visible_boxes(
        CameraBoxes(np.empty((0, 3)), np.empty((0, 3)), np.empty(0)), P2,
        *SIZE).shape == (0, 4)
