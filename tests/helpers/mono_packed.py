"""Packed monocular samples, and the maps that a head gets for them."""
import numpy as np
import torch
from mmdet3d.structures import CameraInstance3DBoxes, Det3DDataSample
from mmengine.structures import InstanceData, PixelData

HEIGHT, WIDTH = 96, 160
P2 = np.array([[200., 0, 80, 9], [0, 200, 48, -.2], [0, 0, 1, .003],
               [0, 0, 0, 1]])


def make_sample(objects: int = 2, depth: float = 20.,
                **meta) -> Det3DDataSample:
    """Objects side by side, 20 m ahead; the map has ``depth`` everywhere."""
    known = dict(img_path='000007.png', cam2img=P2, img_shape=(HEIGHT, WIDTH),
                 ori_shape=(HEIGHT, WIDTH), box_type_3d=CameraInstance3DBoxes,
                 trans_mat=np.diag([.25, .25, 1.]))
    sample = Det3DDataSample(metainfo=known | meta)
    place = torch.linspace(-4, 4, objects)
    rows = torch.tensor([0., 1., 20., 4., 1.5, 1.6, .3]).repeat(objects, 1)
    rows[:, 0] = place
    columns = 80 + 200 * place / 20
    boxes = torch.stack([
        columns - 20,
        torch.full_like(columns, 40), columns + 20,
        torch.full_like(columns, 64)
    ], 1)
    labels = torch.arange(objects) % 3
    sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
    sample.gt_instances_3d = InstanceData(
        bboxes_3d=CameraInstance3DBoxes(rows), labels_3d=labels)
    sample.gt_depth = PixelData(data=torch.full((1, HEIGHT, WIDTH), depth))
    return sample


def maps(images: int = 2) -> list[torch.Tensor]:
    """One level of stride 4, with random values."""
    torch.manual_seed(1)
    return [torch.randn(images, 8, HEIGHT // 4, WIDTH // 4)]
