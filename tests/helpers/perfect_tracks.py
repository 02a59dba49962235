"""How well a tracker does on perfect detections of synthetic drives.

``python -m tests.helpers.perfect_tracks work_dirs/sound/truth.json`` prints
what no detector can exceed with this tracker.
"""
import sys

import torch

from mmxkd.evaluation.metrics import DriveTrackMetric


def perfect_tracks(path: str) -> dict[str, float]:
    """Numbers of the metric with the true boxes as detections.

    Args:
        path (str): COCO file of true boxes with ids.
    """
    metric = DriveTrackMetric(path)
    for name, rows in metric.truth.items():
        number = len(rows)
        found = dict(bboxes=torch.from_numpy(rows[:, 1:]), scores=torch.full(
            (number, ), .9), labels=torch.zeros(number, dtype=torch.long))
        metric.process({}, [dict(frame_id=name, pred_instances=found)])
    return metric.evaluate(len(metric.truth))


if __name__ == '__main__':
    for key, value in perfect_tracks(sys.argv[1]).items():
        print(f'{key} {value:.1f}')
