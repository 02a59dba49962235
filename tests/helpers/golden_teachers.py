"""MM-DistillNet's golden teachers: what three heads give, and run it."""
from collections.abc import Mapping

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict

from mmxkd.models import EfficientDetHead
from tests.helpers.toys import Toy

TEACHERS = ('rgb', 'depth', 'thermal')
#: Anchors of a picture of 256 x 256.
ANCHORS = 9 * sum((256 // s)**2 for s in (8, 16, 32, 64, 128))
AS_PUBLISHED = dict(as_published=True, classes=(6, ), score_thr=0.3,
                    nms=dict(type='nms', iou_threshold=0.5))


def dense_outputs(golden: Mapping[str, np.ndarray], key: str,
                  anchors: int = ANCHORS) -> tuple[np.ndarray, np.ndarray]:
    """Scores (6, A, 20) and deltas (6, A, 4) of one teacher."""
    index = golden[f'{key}_index']
    scores = np.full((6, anchors, 20), .01)
    deltas = np.zeros((6, anchors, 4))
    scores[index[:, 0], index[:, 1]] = golden[f'{key}_cls']
    deltas[index[:, 0], index[:, 1]] = golden[f'{key}_reg']
    return scores, deltas


def levels(rows: torch.Tensor, size: int = 256) -> list[torch.Tensor]:
    """(N, A, width) as maps (N, 9 · width, H, W) of all levels."""
    sides = [size // s for s in (8, 16, 32, 64, 128)]
    parts = rows.split([9 * s * s for s in sides], dim=1)
    return [
        part.reshape(len(part), side, side, -1).permute(0, 3, 1, 2)
        for part, side in zip(parts, sides, strict=True)
    ]


def head(**test_cfg) -> EfficientDetHead:
    """One of 20 classes."""
    return EfficientDetHead(20, in_channels=4, stacked_convs=1,
                            test_cfg=ConfigDict(test_cfg))


class GoldenTeacher(Toy):
    """Finds in the pictures 0 to 5 what a published teacher finds there.

    Args:
        file (str): The golden file.
        key (str): Scenario and teacher.
    """

    def __init__(self, file: str, key: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.head = head(**AS_PUBLISHED)
        with np.load(file, allow_pickle=False) as golden:
            scores, deltas = map(torch.from_numpy, dense_outputs(golden, key))
        self.outputs = scores.logit(), deltas

    def predict(self, inputs: torch.Tensor, data_samples: list[DetDataSample],
                rescale: bool = True) -> list[DetDataSample]:
        self(inputs, data_samples)
        frames = [sample.img_id for sample in data_samples]
        maps = [levels(part[frames]) for part in self.outputs]
        found = self.head.predict_by_feat(
            *maps, batch_img_metas=[s.metainfo for s in data_samples],
            rescale=rescale)
        for sample, instances in zip(data_samples, found, strict=True):
            sample.pred_instances = instances
        return data_samples
