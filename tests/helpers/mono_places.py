"""A monocular sample whose object, bright pixel and depth share a place."""
import numpy as np
import torch
from mmdet3d.structures import CameraInstance3DBoxes

from mmxkd.mono3d.geometry import Cameras

HEIGHT, WIDTH = 48, 96
P2 = np.array([[90., 0, 50, 9.], [0, 90, 20, -.2], [0, 0, 1, .003],
               [0, 0, 0, 1]])
#: A bright pixel, and the only depth, at this row and column.
ROW, COLUMN, Z = 30, 70, 12.


def make_sample() -> dict:
    """The object's centre is seen at the centre of the bright pixel."""
    img = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    depth = np.zeros((HEIGHT, WIDTH), np.float32)
    img[ROW, COLUMN], depth[ROW, COLUMN] = 255, Z
    camera = Cameras(torch.from_numpy(P2[None, :3]), torch.zeros(1, 2, 2))
    pixel = torch.tensor([[COLUMN + .5, ROW + .5]], dtype=torch.float64)
    place = camera.unproject(pixel, torch.tensor([Z], dtype=torch.float64))[0]
    box = torch.tensor([[*place.tolist(), 4., 1.5, 1.6, .3]])
    box[0, 1] += .75
    return dict(
        img_path='000003.png', img=img, depth=depth, cam2img=P2.copy(),
        img_shape=(HEIGHT, WIDTH), ori_shape=(HEIGHT, WIDTH),
        box_type_3d=CameraInstance3DBoxes, gt_bboxes=np.array(
            [[COLUMN - 9.5, ROW - 4.5, COLUMN + 10.5, ROW + 5.5]], np.float32),
        gt_bboxes_labels=np.zeros(1, np.int64),
        gt_bboxes_3d=CameraInstance3DBoxes(box),
        gt_labels_3d=np.zeros(1, np.int64), kept=np.array([True]))
