"""3-D boxes of mmdet3d in the picture and from above."""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmxkd.formats.kitti.camera_boxes import CameraBoxes, project_boxes
from mmxkd.visualization.solid_boxes import (
    SolidBoxes,
    picture_matrix,
    seen_from_above,
    solid_boxes_of,
)
from tests.helpers.stacks import needs

mmdet3d = needs('mmdet3d.structures')
CAMERA = np.array([[60., 0, 64, 5], [0, 60, 32, 0], [0, 0, 1, 0]])
# Axes of a LiDAR in those of the camera.
AXES = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1.]])


def sample_of(boxes, **meta):
    sample = mmdet3d.Det3DDataSample(metainfo=meta)
    sample.gt_instances_3d = InstanceData(bboxes_3d=boxes,
                                          labels_3d=torch.arange(len(boxes)))
    return sample


def rectangle(edges: np.ndarray) -> list[float]:
    return [*edges.min((0, 1)), *edges.max((0, 1))]


def test_boxes_of_a_camera_agree_with_kittis():
    rows = torch.tensor([[1., 1.5, 12, 4, 1.6, 1.8, 0.3],
                         [-2, 1.6, 20, 0.8, 1.8, 0.6, -1.2]])
    found = solid_boxes_of(
        sample_of(mmdet3d.CameraInstance3DBoxes(rows), cam2img=CAMERA))
    rows = rows.numpy().astype(float)
    expected = project_boxes(
        CameraBoxes(rows[:, :3], rows[:, [4, 5, 3]], rows[:, 6]), CAMERA)
    assert found.frame == 'camera' and found.labels.tolist() == [0, 1]
    for edges, box in zip(found.edges, expected, strict=True):
        assert rectangle(edges) == pytest.approx(box.tolist(), abs=1e-3)
    # Twelve edges as long as the box is wide, high and long, four each.
    ends = found.corners[0][[(0, 1), (1, 2), (0, 4)]]
    lengths = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1)
    assert sorted(lengths) == pytest.approx([1.6, 1.8, 4], abs=1e-5)


def test_what_is_behind_the_camera_is_not_drawn():
    rows = torch.tensor([[0., 1, -9, 4, 2, 2, 0]])
    found = solid_boxes_of(
        sample_of(mmdet3d.CameraInstance3DBoxes(rows), cam2img=CAMERA))
    assert np.isnan(found.edges).all()


def test_boxes_of_a_lidar_follow_resize_and_flip():
    rows = torch.tensor([[12., -1, -1.5, 4, 1.8, 1.6, 0.]])
    boxes = mmdet3d.LiDARInstance3DBoxes(rows)
    lidar2img = np.vstack([CAMERA @ AXES, [0, 0, 0, 1]])
    plain = rectangle(
        solid_boxes_of(sample_of(boxes, lidar2img=lidar2img)).edges[0])
    # Right of the centre, since y is to the left.
    assert 64 < plain[0] < plain[2]
    moved = rectangle(
        solid_boxes_of(
            sample_of(boxes, lidar2img=lidar2img, scale_factor=(2., 3.),
                      flip=True, img_shape=(192, 256))).edges[0])
    assert moved[0] == pytest.approx(255 - 2 * plain[2])
    assert moved[2] == pytest.approx(255 - 2 * plain[0])
    assert moved[1::2] == pytest.approx([3 * plain[1], 3 * plain[3]])


def test_without_a_camera_that_fits():
    """Points that were turned do not lie on the picture any more."""
    lidar2img = np.eye(4)
    for meta in (dict(), dict(cam2img=CAMERA),
                 dict(lidar2img=lidar2img, transformation_3d_flow=['R']),
                 dict(lidar2img=np.stack([lidar2img] * 6))):
        assert picture_matrix(meta, camera=False) is None
    assert picture_matrix(dict(cam2img=CAMERA), camera=True).shape == (3, 4)


def test_the_map_of_a_head_is_brought_to_pixels():
    quarter = np.array([[0.25, 0, 10], [0, 0.25, 0], [0, 0, 1]])
    found = picture_matrix(dict(cam2img=CAMERA, trans_mat=quarter), True, 4)
    point = found @ [0, 0, 10, 1]
    assert (point[:2] / point[2]).tolist() == [64.5 + 40, 32]


def test_from_above_forward_is_up_and_left_is_left():
    points = np.zeros((400, 4))
    points[:200, :2] = (30, 0)  # far ahead
    points[200:, :2] = (0, 10)  # beside, to the left
    boxes = mmdet3d.LiDARInstance3DBoxes(
        torch.tensor([[15., 5, 0, 4, 2, 2, 0.]]))
    picture, outlines = seen_from_above(points,
                                        solid_boxes_of(sample_of(boxes)),
                                        size=300)
    rows, columns = picture.any(-1).nonzero()
    places = sorted(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(places) <= 2
    # 15 m are 150 pixels; the points lie 5 m to either side of the centre.
    assert outlines.shape == (1, 5, 2)
    low, high = outlines[0].min(0), outlines[0].max(0)
    assert low == pytest.approx([140, 130], abs=1e-3)
    assert high == pytest.approx([160, 170], abs=1e-3)


def test_samples_without_solid_boxes():
    empty = solid_boxes_of(mmdet3d.Det3DDataSample())
    assert len(empty.corners) == len(empty.edges) == 0
    picture, outlines = seen_from_above(np.zeros((0, 3)), SolidBoxes())
    assert not picture.any() and not len(outlines)
