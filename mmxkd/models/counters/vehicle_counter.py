"""How many vehicles there are: a task that a backbone learns to hear by."""
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmxkd.errors import ConfigError, check_known, check_number
from mmxkd.registry import MODELS

MODES = ('tensor', 'loss', 'predict')


@MODELS.register_module()
class VehicleCounter(BaseModel):
    """The pretext task of MM-DistillNet: classify the number of vehicles.

    A backbone and a small MLP on the mean of its last map. What it learns
    from are the boxes of a sample, by their number alone: those that fused
    teachers have written into a file of labels. A detector then starts from
    its backbone: see :class:`mmxkd.PartsInitHook`.

    Classes are 0, 1, … ``max_count``; the last one means "that many or more".
    The paper gives neither the size of the MLP nor the number of classes.

    Args:
        backbone (dict): Config of the backbone.
        in_channels (int): Channels of its last map.
        max_count (int): The last class, 1 or more.
        hidden_channels (int): Of the MLP's hidden layer.
        data_preprocessor (dict, optional): What the model sees of a batch;
            that of the detector which will start from the backbone.
        init_cfg (dict, optional): Of mmengine's ``BaseModule``.

    Raises:
        ConfigError: A number is out of range; the backbone's last map has
            other channels; a sample has no boxes to count, not even none; or
            the mode is unknown.

    Source: the method's sheet, additions, section D.
    """

    def __init__(self, backbone: dict[str, Any], in_channels: int,
                 max_count: int = 5, hidden_channels: int = 256,
                 data_preprocessor: dict | nn.Module | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor, init_cfg)
        for name, value in (('in_channels', in_channels),
                            ('max_count', max_count), ('hidden_channels',
                                                       hidden_channels)):
            check_number(f'VehicleCounter: {name}', value, above=0, whole=True)
        self.in_channels, self.max_count = in_channels, max_count
        self.backbone = MODELS.build(backbone)
        self.head = nn.Sequential(nn.Linear(in_channels, hidden_channels),
                                  nn.ReLU(inplace=True),
                                  nn.Linear(hidden_channels, max_count + 1))

    def forward(
            self, inputs: Tensor,
            data_samples: Sequence[DetDataSample] | None = None,
            mode: str = 'tensor') -> Tensor | dict[str, Tensor] | list[Any]:
        """What mmengine calls.

        Args:
            inputs (Tensor): (N, C, H, W).
            data_samples (list[DetDataSample], optional): Those of the batch.
            mode (str): ``'tensor'``: logits (N, ``max_count`` + 1).
                ``'loss'``: ``loss_count``, and ``acc`` in percent.
                ``'predict'``: the samples, with ``pred_count`` (int) and
                ``count_scores``, the probability of each class.
        """
        check_known('VehicleCounter: mode', mode, MODES)
        logits = self._logits(inputs)
        if mode == 'tensor':
            return logits
        if data_samples is None:
            raise ConfigError(f'VehicleCounter: mode={mode!r} needs '
                              'data_samples')
        if mode == 'loss':
            return self._loss(logits, data_samples)
        for sample, scores in zip(data_samples, logits.softmax(1),
                                  strict=True):
            sample.pred_count = int(scores.argmax())
            sample.count_scores = scores
        return list(data_samples)

    def _logits(self, inputs: Tensor) -> Tensor:
        feature = self.backbone(inputs)[-1]
        if feature.dim() != 4 or feature.shape[1] != self.in_channels:
            raise ConfigError(
                f'VehicleCounter: in_channels={self.in_channels}, but the '
                f'last map of {type(self.backbone).__name__} is '
                f'{tuple(feature.shape)}: expected (N, {self.in_channels}, '
                'H, W)')
        return self.head(feature.mean((2, 3)))

    def _loss(self, logits: Tensor,
              data_samples: Sequence[DetDataSample]) -> dict[str, Tensor]:
        counts = torch.tensor(counts_of(data_samples), device=logits.device)
        label = counts.clamp(max=self.max_count)
        right = (logits.argmax(1) == label).float()
        return dict(loss_count=F.cross_entropy(logits, label),
                    acc=100 * right.mean())


def counts_of(data_samples: Sequence[DetDataSample]) -> list[int]:
    """The number of boxes of each sample.

    Raises:
        ConfigError: A sample has none because nobody has looked.
    """
    counts = []
    for i, sample in enumerate(data_samples):
        name = sample.metainfo.get('img_path', f'number {i} of the batch')
        # The words of mmxkd/engine/label_sources.py.
        unlabelled = not (sample.metainfo.get('labelled', True)
                          or sample.metainfo.get('label_source'))
        if unlabelled or 'gt_instances' not in sample:
            why = ('nobody has labelled it' if unlabelled else
                   'it has no gt_instances')
            raise ConfigError(
                f'VehicleCounter: the vehicles of sample {name} cannot be '
                f'counted, since {why}: expected a file of labels, such as '
                'tools/label.py writes, without unlabelled=True, and '
                'LoadAnnotations in the pipeline')
        counts.append(len(sample.gt_instances))
    return counts
