"""Whether an ONNX file finds what its detector in PyTorch finds."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from mmxkd.deploy import Detections, OnnxDetector
from mmxkd.errors import ConfigError

from .onnx_file import RawOutputs
from .pictures import build_dataset, read_picture

#: How far outputs may differ, over the largest one or 1; and scores, and
#: pixels of boxes.
OUTPUTS, SCORES, PIXELS = 1e-4, 1e-4, 0.02
#: Sizes of the batches that are compared.
BATCHES = (1, 4)


@dataclass(frozen=True)
class Agreement:
    """How well two detectors agree.

    Attributes:
        pictures (int): That were compared.
        outputs (float): Largest difference of a raw output, over the largest
            value of that output, or over 1 where it is smaller; infinite
            where an output is not finite.
        detections (int): Of the one in PyTorch.
        different (int): Detections of either that the other lacks.
    """

    pictures: int
    outputs: float
    detections: int
    different: int

    @property
    def equal(self) -> bool:
        """Whether outputs are close and all detections the same."""
        return self.outputs <= OUTPUTS and not self.different

    def __str__(self) -> str:
        return (f'{self.pictures} pictures in batches of '
                f'{" and ".join(map(str, BATCHES))}: outputs differ by '
                f'{self.outputs:.1e} at most, {self.different} of '
                f'{self.detections} detections differ')


def check_onnx(model: nn.Module, cfg: Config, path: str,
               pictures: int = 20) -> Agreement:
    """Compare an ONNX file with its detector on pictures of the test set.

    The detector in PyTorch goes through mmdet's pipeline and preprocessor,
    the ONNX file through :class:`mmxkd.deploy.OnnxDetector` alone.

    Args:
        model (nn.Module): In eval mode.
        cfg (Config): Its test set is read.
        path (str): The ``.onnx`` file.
        pictures (int): The first so many are compared; or all, where there
            are fewer.

    Raises:
        ConfigError: The test set has no picture, or none is asked for.
    """
    if pictures < 1:
        raise ConfigError(f'{pictures} pictures to compare, expected 1 or '
                          'more')
    dataset = build_dataset(cfg, 'test_dataloader')
    number = min(pictures, len(dataset))
    if not number:
        raise ConfigError('test_dataloader: no picture to compare with')
    detector = OnnxDetector(path)
    raw = RawOutputs(model)
    samples = [dataset[i] for i in range(number)]
    images = [read_picture(s['data_samples'].img_path) for s in samples]
    worst, total, different = 0.0, 0, 0
    for size in BATCHES:
        for start in range(0, number, size):
            some = slice(start, start + size)
            expected, outputs = _in_torch(model, raw, samples[some])
            found = detector.raw(
                np.stack([detector.preprocess(i) for i in images[some]]))
            for name, values in outputs.items():
                worst = max(worst, _difference(found[name], values))
            for one, other in zip(expected, detector(images[some]),
                                  strict=True):
                total += len(one.scores)
                different += differences(one, other)
    return Agreement(number, worst, total, different)


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest one, over the largest value or 1; infinite without one."""
    error = np.abs(found - expected).max() / max(1.0, np.abs(expected).max())
    # No comparison with NaN holds, so that none would be found too large.
    return float(error) if np.isfinite(error) else float('inf')


@torch.no_grad()
def _in_torch(
        model: Any, raw: RawOutputs, samples: Sequence[dict]
) -> tuple[list[Detections], dict[str, np.ndarray]]:
    """Detections and raw outputs of some samples."""
    batch = model.data_preprocessor(pseudo_collate(samples), False)
    outputs = raw(batch['inputs'])
    found = [
        Detections(*(sample.pred_instances[key].numpy()
                     for key in ('bboxes', 'scores', 'labels')))
        for sample in model(**batch, mode='predict')
    ]
    return found, {
        name: value.numpy()
        for name, value in zip(raw.names, outputs, strict=True)
    }


def differences(one: Detections, other: Detections) -> int:
    """How many detections of either have no counterpart in the other.

    Of nearly equal scores, either may come first.

    Examples:
        >>> one = Detections(np.zeros((1, 4)), np.ones(1), np.zeros(1))
        >>> differences(one, one._replace(scores=np.array([.9])))
        2
    """
    free = list(range(len(other.scores)))
    lacking = 0
    for box, score, label in zip(*one, strict=True):
        match = next(
            (i for i in free
             if other.labels[i] == label and abs(other.scores[i] - score) <=
             SCORES and np.abs(other.boxes[i] - box).max() <= PIXELS), None)
        if match is None:
            lacking += 1
        else:
            free.remove(match)
    return lacking + len(free)
