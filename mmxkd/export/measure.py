"""What an ONNX detector finds on a test set, and how long it takes."""
import statistics
import time
from collections.abc import Mapping

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from mmxkd.deploy import OnnxDetector

from .pictures import build_dataset, read_picture


def evaluate(detector: OnnxDetector, cfg: Config) -> dict[str, float]:
    """The metrics of a config's test set, of a deployed detector.

    Each picture is read and prepared as a deployed program does it; the test
    pipeline of the config only gives the ground truth.

    Args:
        detector (OnnxDetector): To test.
        cfg (Config): With ``test_dataloader`` and ``test_evaluator``.
    """
    dataset = build_dataset(cfg, 'test_dataloader')
    scope = cfg.get('default_scope') or 'mmdet'
    with DefaultScope.overwrite_default_scope(scope):
        evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dict(dataset.metainfo)
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        found = detector([read_picture(sample.img_path)])[0]
        sample.pred_instances = InstanceData(
            bboxes=torch.from_numpy(found.boxes),
            scores=torch.from_numpy(found.scores),
            labels=torch.from_numpy(found.labels))
        evaluator.process([sample])
    return evaluator.evaluate(len(dataset))


def latencies(detectors: Mapping[str, OnnxDetector],
              rounds: int = 20) -> dict[str, float]:
    """Median CPU milliseconds of the network of each, for one picture.

    They take turns, so that a slow spell of the machine hits all. With one
    thread, CPU time is the latency on a machine that does nothing else.

    Args:
        detectors (Mapping[str, OnnxDetector]): With one thread each.
        rounds (int): After one that warms up.
    """
    inputs = {
        name: np.random.default_rng(0).normal(
            size=(1, 3, *detector.recipe['padded'])).astype(np.float32)
        for name, detector in detectors.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in detectors}
    for turn in range(rounds + 1):
        for name, detector in detectors.items():
            start = time.process_time()
            detector.raw(inputs[name])
            if turn:
                seconds[name].append(time.process_time() - start)
    return {
        name: 1000 * statistics.median(values)
        for name, values in seconds.items()
    }
