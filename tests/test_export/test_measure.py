"""Metrics and latency of deployed detectors."""
import json
import time

import numpy as np
import pytest

from mmxkd.deploy import Detections
from mmxkd.export.measure import evaluate, latencies
from mmxkd.export.pictures import build_dataset, read_picture


class Known:
    """Finds the objects of a label file, by the picture's pixels."""

    def __init__(self, folder, shift):
        content = json.loads((folder / 'data.json').read_text())
        self.shift, self.truth = shift, {}
        for image in content['images']:
            rows = [(a['bbox'], a['category_id'] - 1)
                    for a in content['annotations']
                    if a['image_id'] == image['id']]
            picture = read_picture(str(folder / image['file_name']))
            self.truth[picture.tobytes()] = rows

    def __call__(self, images):
        found = []
        for image in images:
            boxes, labels = zip(*self.truth[image.tobytes()], strict=True)
            boxes = np.float32(boxes)
            boxes[:, 2:] += boxes[:, :2]
            found.append(
                Detections(boxes + self.shift, np.ones(len(boxes), np.float32),
                           np.array(labels)))
        return found


@pytest.mark.parametrize('shift, low, high', [(0, .999, 1), (3, .2, .9),
                                              (60, 0, .01)])
def test_a_known_detector_has_its_metric(exported, shift, low, high):
    root, _, cfg, _ = exported
    found = evaluate(Known(root / 'data', shift), cfg)
    assert low <= found['coco/bbox_mAP'] <= high


def test_what_a_config_lacks_is_named(exported):
    cfg = exported[2].copy()
    cfg.test_dataloader = None
    with pytest.raises(ValueError, match='has no test_dataloader'):
        build_dataset(cfg, 'test_dataloader')


class Busy:

    recipe = dict(padded=(4, 6))

    def __init__(self, seconds):
        self.seconds, self.shapes = seconds, []

    def raw(self, inputs):
        self.shapes.append(inputs.shape)
        end = time.process_time() + self.seconds
        while time.process_time() < end:
            pass


def test_latencies_are_of_one_picture_in_turns():
    slow, fast = Busy(.02), Busy(.002)
    found = latencies(dict(slow=slow, fast=fast), rounds=3)
    assert slow.shapes == fast.shapes == [(1, 3, 4, 6)] * 4
    assert found['slow'] == pytest.approx(20, rel=.3)
    assert found['fast'] == pytest.approx(2, rel=.5)
