"""Objects of data samples, where they can be learned from."""
from typing import Any

import torch
from torch import Tensor

from mmxkd.errors import ConfigError


def objects_of(sample: Any, device: torch.device,
               num_classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Label boxes (G, 4), camera boxes (G, 7) and labels (G, ) to learn.

    float64, so that cells do not depend on rounding.

    Raises:
        ConfigError: Something is not packed, there are not as many of both
            boxes, or a label or a box cannot be learned.
    """
    where = sample.metainfo.get('img_path', 'a sample')
    found = {}
    for place, key in (('gt_instances', 'bboxes'),
                       ('gt_instances_3d', 'bboxes_3d'), ('gt_instances_3d',
                                                          'labels_3d')):
        part = getattr(sample, place) if place in sample else {}
        if key not in part:
            raise ConfigError(
                f'{where}: {place} has no {key}: add gt_{key} to the keys of '
                'mmxkd.Pack3DDetInputs')
        found[key] = part[key]
    boxes = getattr(found['bboxes'], 'tensor', found['bboxes'])
    rows, labels = found['bboxes_3d'].tensor, found['labels_3d']
    if len(boxes) != len(rows):
        raise ConfigError(
            f'{where}: {len(boxes)} boxes in the image for {len(rows)} '
            "objects; use mmxkd.MonoKittiDataset, and pack 'gt_bboxes' and "
            "'gt_bboxes_3d'")
    kept = sample.gt_instances_3d.get('kept',
                                      torch.ones(len(rows), dtype=torch.bool))
    kept = kept.to(rows.device)
    boxes, rows, labels = boxes[kept.to(
        boxes.device)], rows[kept], labels[kept]
    _check_objects(where, boxes, rows, labels, num_classes)
    return (boxes.to(device).double(), rows.to(device).double(),
            labels.to(device))


def _check_objects(where: str, boxes: Tensor, rows: Tensor, labels: Tensor,
                   num_classes: int) -> None:
    other = labels[(labels < 0) | (labels >= num_classes)]
    if len(other):
        raise ConfigError(
            f'{where}: an object has the label {int(other[0])}, but the head '
            f'num_classes={num_classes}: give metainfo.classes of the data '
            'set as many classes as the head has')
    good = (rows.isfinite().all(1) & (rows[:, 2:6] > 0).all(1)
            & boxes.isfinite().all(1))
    if not good.all():
        bad = int((~good).nonzero()[0])
        raise ConfigError(
            f'{where}: an object has the box {rows[bad].tolist()} (x, y, z, '
            f'l, h, w, yaw) and {boxes[bad].tolist()} in the image; expected '
            'finite numbers, sizes and z above 0')
