"""A teacher's predictions as the boxes that the student learns from."""
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData

from mmxkd.engine.label_sources import SOURCE, UNLABELLED, source_of
from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS


@MODELS.register_module()
class TeacherLabels:
    """Label samples with a teacher's boxes, before the student's forward.

    A labelled sample keeps its boxes, unless ``replace`` is set; one whose
    meta information says ``labelled=False``, and names no ``label_source``,
    gets the teacher's, with their scores in ``gt_instances.scores``. Either
    way, ``label_source`` says afterwards where the boxes are from. Boxes
    without area are left out.

    Args:
        teacher (str): Name of the teacher.
        score_thr (float): Least score of a box, 0 to 1.
        replace (bool): Label all samples anew.

    Raises:
        ConfigError: ``score_thr`` is not between 0 and 1.
    """

    def __init__(self, teacher: str, score_thr: float = 0.5,
                 replace: bool = False) -> None:
        if not 0 <= score_thr <= 1:
            raise ConfigError(f'TeacherLabels: score_thr={score_thr}, '
                              'expected 0 to 1')
        self.teacher, self.score_thr = teacher, score_thr
        self.replace = replace

    def label(self, samples: Sequence[Any],
              predictions: Sequence[Any]) -> None:
        """Write the boxes into the student's samples.

        Args:
            samples (list): The student's data samples.
            predictions (list): The teacher's, of the same images.

        Raises:
            ValueError: They are of another number of images, or a score is
                not finite.
        """
        for sample, predicted in zip(samples, predictions, strict=True):
            source = source_of(sample)
            if source != UNLABELLED and not self.replace:
                sample.set_metainfo({SOURCE: source})
                continue
            found = predicted.pred_instances
            if not torch.isfinite(found.scores).all():
                raise ValueError(
                    f'teacher {self.teacher!r} gave a score that is not '
                    f'finite for {sample.metainfo.get("img_path")}')
            sides = found.bboxes[:, 2:] - found.bboxes[:, :2]
            # mmdet's assigners give a box without area to any anchor.
            kept = found[(found.scores >= self.score_thr)
                         & (sides > 0).all(-1)]
            sample.gt_instances = InstanceData(bboxes=kept.bboxes,
                                               labels=kept.labels,
                                               scores=kept.scores)
            sample.set_metainfo({SOURCE: self.teacher})
