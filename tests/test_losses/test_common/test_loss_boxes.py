from types import SimpleNamespace

import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData

from mmxkd.losses import boxes_of, union_mask
from mmxkd.losses.common.boxes import cell_centres


def sample(bboxes):
    found = DetDataSample()
    found.gt_instances = InstanceData(bboxes=bboxes)
    return found


def test_boxes_are_tensors_whatever_mmdet_wraps_them_in():
    rows = torch.tensor([[1., 2, 3, 4]])
    found = boxes_of([
        sample(rows),
        sample(HorizontalBoxes(rows)),
        sample(torch.empty(0, 4))
    ])
    assert [tuple(boxes.shape) for boxes in found] == [(1, 4), (1, 4), (0, 4)]
    assert all(type(boxes) is torch.Tensor for boxes in found)
    assert found[1].tolist() == rows.tolist()


def test_rotated_boxes_are_not_cut_into_other_ones():
    with pytest.raises(
            ValueError, match=r'data sample 1 has boxes \(4, 5\), '
            r'expected \(G, 4\)'):
        boxes_of([sample(torch.zeros(0, 5)), sample(torch.zeros(4, 5))])


def test_centres_of_cells():
    y, x = cell_centres((2, 4), (16, 16), torch.zeros(1))
    assert y.tolist() == [4, 12] and x.tolist() == [2, 6, 10, 14]


def test_mask_is_the_union_of_boxes():
    # Cells of 4 pixels; centres at 2, 6, 10, 14.
    mask = union_mask(
        [torch.tensor([[0., 0, 7, 3], [9, 5, 16, 16]]),
         torch.empty(0, 4)], (4, 4), (16, 16))
    assert mask.shape == (2, 1, 4, 4)
    assert mask[0, 0].tolist() == [[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1],
                                   [0, 0, 1, 1]]
    assert not mask[1].any()


def test_a_small_box_marks_one_cell():
    mask = union_mask([torch.tensor([[3., 3, 5.5, 3.5], [15, 8, 40, 9]])],
                      (4, 4), (16, 16))
    # 3..5.5 holds no centre: its own, 4.25, lies in the second column.
    assert mask[0, 0].nonzero().tolist() == [[0, 1], [2, 3]]


def test_a_sample_without_boxes_is_named():
    with pytest.raises(ValueError, match='data sample 1 has no gt_instances'):
        boxes_of([sample(torch.empty(0, 4)), SimpleNamespace()])
