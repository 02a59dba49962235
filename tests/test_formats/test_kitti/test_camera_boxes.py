"""Boxes in the camera's frame, against numbers and mmdet3d."""
import numpy as np
import pytest
import torch

from mmxkd.formats.kitti.camera_boxes import (
    NEAR,
    CameraBoxes,
    box_corners,
    clip_boxes,
    from_camera_rows,
    from_lidar_rows,
    observation_angle,
    project_boxes,
    project_edges,
    touches_image,
    wrap_angle,
)
from tests.helpers.stacks import needs

# The camera and the LiDAR of KITTI, about.
P2 = np.array([[721.5, 0, 609.6, 44.9], [0, 721.5, 172.9, 0.2],
               [0, 0, 1, 0.003]])
LIDAR2CAM = np.array([[0.01, -1, -0.02, -0.02], [0.01, 0.02, -1, -0.06],
                      [1, 0.01, 0.01, -0.33], [0, 0, 0, 1]])


def boxes_of(*rows):
    """From rows x, y, z, h, w, l, ry."""
    rows = np.array(rows, dtype=np.float64)
    return CameraBoxes(rows[:, :3], rows[:, 3:6], rows[:, 6])


def random_boxes(number, seed=0):
    draw = np.random.default_rng(seed)
    return CameraBoxes(draw.uniform([-20, 0, 8], [20, 3, 60], (number, 3)),
                       draw.uniform(0.5, 4, (number, 3)),
                       draw.uniform(-3, 3, number))


def test_corners_of_one_car():
    """Length along x at angle 0, along -z after a quarter turn."""
    for angle, half_x, half_z in ((0, 2, 1), (np.pi / 2, 1, 2)):
        corners = box_corners(boxes_of([5, 1, 10, 1.5, 2, 4, angle]))[0]
        assert corners.min(axis=0) == pytest.approx(
            [5 - half_x, -0.5, 10 - half_z])
        assert corners.max(axis=0) == pytest.approx(
            [5 + half_x, 1, 10 + half_z])
    # A little turn moves the front of the car to the camera.
    front = box_corners(boxes_of([0, 0, 9, 1, 0, 4, 0.1]))[0]
    assert front[front[:, 0] > 0, 2].max() < 9


def test_conversions_are_those_of_mmdet3d():
    boxes3d = needs('mmdet3d.structures')
    boxes = random_boxes(50)
    camera = boxes3d.CameraInstance3DBoxes(
        torch.as_tensor(
            np.column_stack([
                boxes.location, boxes.dimensions[:, [2, 0, 1]],
                boxes.rotation_y
            ])))
    lidar = camera.convert_to(boxes3d.Box3DMode.LIDAR,
                              np.linalg.inv(LIDAR2CAM))
    assert (lidar.tensor[:, 0] > 5).all()  # x is forward there
    for found in (from_camera_rows(camera.tensor.double().numpy()),
                  from_lidar_rows(lidar.tensor.double().numpy(), LIDAR2CAM)):
        for ours, true in zip(found, boxes, strict=True):
            np.testing.assert_allclose(ours, true, atol=2e-5)
    ours = np.sort(box_corners(boxes), axis=1)
    np.testing.assert_allclose(ours, np.sort(camera.corners.numpy(), axis=1),
                               atol=1e-4)


def test_a_projection_is_that_of_the_corners():
    boxes = random_boxes(20, seed=1)
    found = project_boxes(boxes, P2)
    for corners, box in zip(box_corners(boxes), found, strict=True):
        image = np.array([P2 @ [*corner, 1] for corner in corners])
        pixels = image[:, :2] / image[:, 2:]
        assert box == pytest.approx([*pixels.min(axis=0), *pixels.max(axis=0)])


def test_a_box_around_the_camera_is_cut_at_the_near_plane():
    """Against points that fill the box as far as they are before it."""
    boxes = boxes_of([1.2, 1.6, 1.5, 1.5, 1.6, 4, 1.3])
    corners = box_corners(boxes)[0]
    assert (corners[:, 2] < 0).any() and (corners[:, 2] > 0).any()
    origin, along, up, aside = corners[0], *(corners[[1, 2, 4]] - corners[0])
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 161)] * 3), -1)
    points = origin + grid.reshape(-1, 3) @ np.stack([along, up, aside])
    image = points @ P2[:, :3].T + P2[:, 3]
    for near in (0.5, 1.):
        seen = image[image[:, 2] >= near]
        pixels = seen[:, :2] / seen[:, 2:]
        box = project_boxes(boxes, P2, near=near)[0]
        # As near as the points of the grid lie to the plane.
        assert box == pytest.approx([*pixels.min(axis=0), *pixels.max(axis=0)],
                                    rel=0.03)
        assert (box[:2] <= pixels.min(axis=0)).all()
        assert (box[2:] >= pixels.max(axis=0)).all()


def test_edges_are_those_of_a_box():
    boxes = random_boxes(20)
    edges = project_edges(boxes, P2)
    assert edges.shape == (20, 12, 2, 2)
    # Around the edges lies the same rectangle, and the first four are as
    # long as the box.
    np.testing.assert_allclose(
        project_boxes(boxes, P2),
        np.concatenate([edges.min(axis=(1, 2)),
                        edges.max(axis=(1, 2))], 1))
    plain = project_edges(
        boxes_of([0, 0, 10, 1.5, 2, 4, 0]),
        np.array([[1., 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]))[0]
    length = np.abs(plain[:4, 0, 0] - plain[:4, 1, 0])
    np.testing.assert_allclose(np.sort(length), 4 / np.array([11, 11, 9, 9]))


def test_edges_are_cut_at_the_near_plane():
    """A car beside the camera, half of it behind."""
    boxes = boxes_of([3, 1, 0, 1.5, 2, 4, np.pi / 2])
    identity = np.eye(4)[:3]
    edges = project_edges(boxes, identity)[0]
    drawn = np.isfinite(edges).all(axis=(1, 2))
    # Of twelve edges the four at the back are gone, four are cut.
    assert drawn.sum() == 8
    assert np.isnan(edges[~drawn]).all()
    assert np.isclose(edges[drawn][..., 0].max(), 4 / NEAR)
    np.testing.assert_allclose(
        project_boxes(boxes, identity)[0],
        [*edges[drawn].min(axis=(0, 1)), *edges[drawn].max(axis=(0, 1))])
    assert np.isnan(project_edges(boxes_of([3, 1, -9, 1.5, 2, 4, 0]),
                                  identity)).all()


def test_what_lies_behind_the_camera_or_beside_the_image_is_not_seen():
    boxes = boxes_of(
        [0, 1.6, 20, 1.5, 1.6, 4, 0.3],  # before the camera
        [0, 1.6, -20, 1.5, 1.6, 4, 0.3],  # behind it
        [60, 1.6, 20, 1.5, 1.6, 4, 0.3],  # far to the right
        [0, 1.6, NEAR - 1, 1.5, 1.6, 1, 0])
    found = project_boxes(boxes, P2)
    assert np.isinf(found[[1, 3]]).all() and np.isfinite(found[[0, 2]]).all()
    assert touches_image(found, 1242,
                         375).tolist() == [True, False, False, False]
    assert project_boxes(boxes_of([0, 1, 9, 1, 1, 1, 0]), P2).shape == (1, 4)
    none = CameraBoxes(np.empty((0, 3)), np.empty((0, 3)), np.empty(0))
    assert project_boxes(none, P2).shape == (0, 4)
    assert touches_image(project_boxes(none, P2), 10, 10).shape == (0, )


def test_clipping_ends_at_the_last_pixel():
    boxes = np.array([[-5., 3, 1300, 400], [10, 20, 30, 40]])
    assert clip_boxes(boxes, 1242, 375).tolist() == [[0, 3, 1241, 374],
                                                     [10, 20, 30, 40]]


def test_angles():
    boxes = boxes_of([0, 0, 10, 1, 1, 1, 0.5], [10, 0, 10, 1, 1, 1, 0.5],
                     [-10, 0, 10, 1, 1, 1, 3.])
    assert observation_angle(boxes) == pytest.approx(
        [0.5, 0.5 - np.pi / 4, 3 + np.pi / 4 - 2 * np.pi])
    assert wrap_angle(np.array([-np.pi, np.pi, 7.])) == pytest.approx(
        [-np.pi, -np.pi, 7 - 2 * np.pi])
