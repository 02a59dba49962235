"""The detectors of the golden runs of ShuffleDet.

Their weights are made under TensorFlow's names, and go through the converter
of published files.
"""
from collections.abc import Sequence

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmxkd.engine.published.shuffledet_tf import convert_shuffledet
from mmxkd.registry import MODELS

from .closed_form import batch_norm, conv_bias, conv_weight

#: Arguments of the backbone, and channels of the last map.
NETS = dict(x1=(dict(width=1.0, stem_channels=16, first_expand_groups=1), 768),
            x05=(dict(width=0.5), 384), x025=(dict(width=0.25), 192))
SIZE = (96, 160)


def detector_config(name: str, dropout: float = 0.0) -> dict:
    backbone, channels = NETS[name]
    return dict(
        type='mmdet.SingleStageDetector',
        data_preprocessor=dict(type='mmdet.DetDataPreprocessor'),
        backbone=dict(type='mmxkd.ShuffleDetNet', **backbone),
        bbox_head=dict(type='mmxkd.ConvDetHead', num_classes=3,
                       in_channels=channels, dropout=dropout),
        train_cfg=dict(assigner=dict(type='mmxkd.OnePriorAssigner')),
        test_cfg=dict(nms_pre=64, max_per_class=50,
                      nms=dict(type='nms', iou_threshold=0.4)))


def variables(name: str, conv_names: Sequence[str], k0: int,
              head_gain: float) -> dict[str, np.ndarray]:
    """TensorFlow's variables of a golden net."""
    own = MODELS.build(detector_config(name)['backbone']).state_dict()
    found = {}
    for k, conv in enumerate(conv_names, k0 + 1):
        place = conv.replace('/block', '.').replace('/', '.')
        shape = own[f'{place}.conv.weight'].shape
        depthwise = conv.endswith('dconv')
        gain = 1 if depthwise else .5 if conv.endswith('conv2') else 2
        weight = conv_weight(shape, k, gain)
        found[f'{conv}/W'] = weight.transpose((2, 3, 0,
                                               1) if depthwise else (2, 3, 1,
                                                                     0))
        norm = batch_norm(shape[0], k)
        for theirs, ours in dict(gamma='weight', beta='bias').items():
            found[f'{conv}/bn/{theirs}'] = norm[ours]
        found[f'{conv}/bn/mean/EMA'] = norm['running_mean']
        found[f'{conv}/bn/variance/EMA'] = norm['running_var']
    k = k0 + 50
    weight = conv_weight((72, NETS[name][1], 3, 3), k, head_gain)
    found['conv12/kernels'] = weight.transpose(2, 3, 1, 0)
    found['conv12/biases'] = conv_bias(72, k, .01)
    return found


def weights(name: str, conv_names: Sequence[str], k0: int,
            head_gain: float) -> dict[str, Tensor]:
    """The same, converted."""
    return convert_shuffledet(variables(name, conv_names, k0, head_gain),
                              'golden.npz').state


def build(name: str, conv_names: Sequence[str], k0: int,
          head_gain: float) -> nn.Module:
    model = MODELS.build(detector_config(name))
    model.load_state_dict(weights(name, conv_names, k0, head_gain),
                          strict=False)
    return model


def sample(boxes: np.ndarray, labels: np.ndarray, shape: tuple = SIZE,
           scale: tuple = (1., 1.)) -> DetDataSample:
    """A data sample of boxes (G, 4) cx, cy, w, h."""
    found = DetDataSample(
        metainfo=dict(img_shape=shape, batch_input_shape=shape,
                      pad_shape=shape, scale_factor=scale))
    found.gt_instances = InstanceData(
        bboxes=HorizontalBoxes(to_corners(boxes)),
        labels=torch.from_numpy(np.asarray(labels)).long())
    found.ignored_instances = InstanceData(
        bboxes=HorizontalBoxes(torch.zeros(0, 4)),
        labels=torch.zeros(0, dtype=torch.long))
    return found


def to_corners(boxes: np.ndarray,
               dtype: torch.dtype = torch.float32) -> Tensor:
    centre, size = np.split(np.asarray(boxes, float).reshape(-1, 4), 2, 1)
    return torch.from_numpy(
        np.concatenate([centre - size / 2, centre + size / 2], 1)).to(dtype)


def to_centres(boxes: Tensor) -> np.ndarray:
    low, high = boxes.double().numpy()[:, :2], boxes.double().numpy()[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], 1)
