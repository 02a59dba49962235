import torch
from mmdet.models.task_modules.assigners import PointAssigner
from mmengine.structures import InstanceData

import mmxkd  # noqa: F401


def test_the_nearest_points_of_the_level_are_assigned():
    """On the CPU nothing changes; tests/test_cuda.py trains it on a GPU."""
    points = torch.tensor([[0., 0, 8], [8, 0, 8], [8, 8, 8], [0, 0, 16]])
    truth = InstanceData(
        bboxes=torch.tensor([[4., 4, 36, 36], [0, 0, 70, 60]]),
        labels=torch.tensor([2, 1]))
    found = PointAssigner(scale=4,
                          pos_num=1).assign(InstanceData(priors=points), truth)
    assert found.gt_inds.tolist() == [0, 0, 1, 2]
    assert found.labels.tolist() == [-1, -1, 2, 1]
    assert found.gt_inds.device == points.device
