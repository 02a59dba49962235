"""Boxes that keep their scores through every transform."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.structures.bbox import (
    HorizontalBoxes,
    register_box,
    register_box_converter,
)
from torch import Tensor

from mmxkd.errors import ConfigError


@register_box(name='mmxkd_scored')
class ScoredBoxes(HorizontalBoxes):
    """mmdet's boxes, each with a score.

    A transform that drops or joins boxes does so by their index or by
    ``cat``: the scores go with them. mmdet's transforms do not know of an
    array of scores beside the boxes, and would leave it as it is.

    Args:
        data (Tensor | np.ndarray): (n, 4) xyxy.
        *args: Of ``HorizontalBoxes``.
        scores (Tensor, optional): (n,). Boxes without are made by what does
            not know of scores; :func:`unpack_scores` refuses them.
        **kwargs: Of ``HorizontalBoxes``.
    """

    def __init__(self, data: Any, *args, scores: Tensor | None = None,
                 **kwargs) -> None:
        super().__init__(data, *args, **kwargs)
        self.scores = scores

    def __getitem__(self, index: Any) -> 'ScoredBoxes':
        boxes = super().__getitem__(index)
        if self.scores is not None:
            if isinstance(index, np.ndarray):
                index = torch.as_tensor(index)
            boxes.scores = self.scores[index].reshape(-1)
        return boxes

    def __deepcopy__(self, memo: dict) -> 'ScoredBoxes':
        boxes = super().__deepcopy__(memo)
        boxes.scores = None if self.scores is None else self.scores.clone()
        return boxes

    def clone(self) -> 'ScoredBoxes':
        boxes = super().clone()
        boxes.scores = self.scores
        return boxes

    @classmethod
    def cat(cls, box_list: Sequence['ScoredBoxes'],
            dim: int = 0) -> 'ScoredBoxes':
        boxes = super().cat(box_list, dim)
        scores = [part.scores for part in box_list]
        known = [part for part in scores if part is not None]
        if len(known) == len(scores):
            boxes.scores = torch.cat(known)
        return boxes


@register_box_converter(ScoredBoxes, HorizontalBoxes)
def _without_scores(boxes: Tensor) -> Tensor:
    """What mmdet compares boxes of two types by."""
    return boxes


def unpack_scores(sample: Any) -> None:
    """Move the scores of a packed sample beside its boxes, in place.

    Args:
        sample (DetDataSample): With ``gt_instances`` and
            ``ignored_instances``.

    Raises:
        ConfigError: A transform has made new boxes, whose scores nobody
            knows.
    """
    for instances in (sample.gt_instances, sample.ignored_instances):
        boxes = instances.get('bboxes')
        if not isinstance(boxes, ScoredBoxes):
            continue
        if boxes.scores is None or len(boxes.scores) != len(boxes):
            raise ConfigError(
                f'{sample.metainfo.get("img_path")}: a transform has made '
                'boxes without the scores of the teacher; transforms may '
                'choose boxes by index, or join them by cat()')
        instances.scores = boxes.scores
        instances.bboxes = HorizontalBoxes(boxes.tensor, clone=False)
