"""Two pictures with their depth, before a data preprocessor sees them."""
import torch
from mmdet3d.structures import Det3DDataSample

MEAN, STD = [10., 20., 30.], [2., 4., 5.]


def batch(**metainfo) -> dict:
    """As a data loader collates it; the depth is 20 m everywhere."""
    torch.manual_seed(0)
    return dict(
        inputs=dict(
            img=[torch.randint(256, (3, 30, 60), dtype=torch.uint8)] * 2,
            depth=[torch.full((1, 30, 60), 20.)] * 2), data_samples=[
                Det3DDataSample(metainfo=dict(img_shape=(30, 60), **metainfo))
                for _ in range(2)
            ])
