"""What several teachers find, fused to the boxes that a student learns."""
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData

from mmxkd.engine.label_sources import SOURCE, TEACHER, UNLABELLED, source_of
from mmxkd.errors import ConfigError, check_keys, check_known
from mmxkd.evaluation.functional.box_fusion import (
    Detections,
    fuse_detections,
)
from mmxkd.registry import MODELS

from .teacher_part import TeacherPart


@MODELS.register_module()
class FusedTeacherLabels:
    """Label samples with the fused boxes of any number of teachers.

    A labelled sample keeps its boxes, unless ``replace`` is set; one whose
    meta information says ``labelled=False``, and names no ``label_source``,
    gets the teachers', with their scores in ``gt_instances.scores``. Either
    way, ``label_source`` says afterwards where the boxes are from:
    ``'teacher'``, or the name of the one there is.

    ``fusion='nms'`` with ``class_agnostic`` is MM-DistillNet's: the best box
    of each group stays as it is. Of equal scores, the published code takes
    the box of the teacher that is listed first. Here the order of teachers
    does not matter: the smaller label goes first, then the smaller x1, y1,
    x2, y2.

    Args:
        teachers (dict[str, dict]): Name → arguments of
            :class:`.teacher_part.TeacherPart`: ``score_thr``, ``iou_thr``
            and ``classes``.
        fusion (str, optional): ``'nms'`` or ``'wbf'``, see :func:`mmxkd.
            evaluation.functional.box_fusion.fuse_detections`. None: boxes
            stay as they are, which takes one teacher.
        iou_thr (float): Boxes that overlap by more belong together.
        class_agnostic (bool): With ``'nms'``: boxes of different classes do
            so too.
        weights (dict[str, float] | Sequence[float], optional): With
            ``'wbf'``: how much each teacher counts, by name (1 where it is
            not named) or in their order.
        empty (str): What a frame is in which nobody finds a box.

            - ``'negative'``: background.
            - ``'skip'``: unlabelled, as before. It teaches nothing, where
              ``LabelSourcesHook(weights=dict(unlabelled=0))`` says so; by
              default that hook refuses such frames.
        replace (bool): Label all samples anew.

    Raises:
        ConfigError: An argument is unknown or out of range, or does not go
            with the fusion.
    """

    def __init__(self, teachers: Mapping[str, Mapping[str, Any]],
                 fusion: str | None = 'nms', iou_thr: float = 0.5,
                 class_agnostic: bool = False,
                 weights: Mapping[str, float] | Sequence[float] | None = None,
                 empty: str = 'negative', replace: bool = False) -> None:
        if not isinstance(teachers, Mapping) or not teachers:
            raise ConfigError(f'labels: teachers={teachers!r}, expected a '
                              'dict such as dict(rgb=dict(score_thr=0.3))')
        for name, options in teachers.items():
            if not isinstance(options or {}, Mapping):
                raise ConfigError(
                    f'labels: teachers.{name}={options!r}, expected a dict '
                    'such as dict(score_thr=0.3)')
            check_keys(f'labels: teachers.{name}', options or {},
                       ('score_thr', 'iou_thr', 'classes'))
        check_known('labels: empty', empty, ('negative', 'skip'))
        if fusion is None and len(teachers) > 1:
            raise ConfigError('labels: fusion=None takes one teacher, but '
                              f'there are {list(teachers)}')
        self.parts = [
            TeacherPart(name, **(options or {}))
            for name, options in teachers.items()
        ]
        self.fusion, self.iou_thr = fusion, iou_thr
        self.class_agnostic = class_agnostic
        self.weights = self._weights(weights)
        self.empty, self.replace = empty, replace
        self._fused([_NONE] * len(self.parts))  # Refuses what does not fit.

    @property
    def teachers(self) -> tuple[str, ...]:
        """Names of the teachers, in the order of their predictions."""
        return tuple(part.name for part in self.parts)

    def _weights(
        self, weights: Mapping[str, float] | Sequence[float] | None
    ) -> list[float] | None:
        """In the order of the teachers."""
        if weights is None or not isinstance(weights, Mapping):
            return None if weights is None else list(weights)
        check_keys('labels: weights', weights, self.teachers)
        return [weights.get(name, 1) for name in self.teachers]

    def check_classes(self, student: Sequence[str] | None,
                      teachers: Mapping[str, Any]) -> None:
        """Settle what the classes of each teacher are to the student.

        Args:
            student (Sequence[str], optional): The student's classes.
            teachers (dict[str, Teacher]): All teachers.

        Raises:
            ConfigError: See :meth:`.teacher_part.TeacherPart.check_classes`.
        """
        for part in self.parts:
            part.check_classes(student, teachers[part.name])

    def label(self, samples: Sequence[Any], *found: Sequence[Any]) -> None:
        """Write the boxes into the student's samples.

        Args:
            samples (list): The student's data samples.
            *found (list): Predictions of each teacher, one data sample per
                image, in the order of :attr:`teachers`.

        Raises:
            ValueError: They are of another number of images, a picture has
                another size to a teacher, or a score or a box is not finite.
        """
        if len(found) != len(self.parts):
            raise ValueError(f'labels: predictions of {len(found)} teachers, '
                             f'expected those of {self.teachers}')
        for part, predicted in zip(self.parts, found, strict=True):
            if len(predicted) != len(samples):
                raise ValueError(
                    f'teacher {part.name!r} gave predictions for '
                    f'{len(predicted)} images, expected {len(samples)}')
        for sample, *predictions in zip(samples, *found, strict=True):
            source = source_of(sample)
            if source != UNLABELLED and not self.replace:
                sample.set_metainfo({SOURCE: source})
                continue
            self._write(sample, predictions)

    def _write(self, sample: Any, predictions: Sequence[Any]) -> None:
        where = sample.metainfo.get('img_path')
        chosen = []
        for part, predicted in zip(self.parts, predictions, strict=True):
            _check_size(sample, predicted, part.name, where)
            chosen.append(part.chosen(predicted.pred_instances, where))
        fused = self._fused(chosen)
        like = predictions[0].pred_instances
        # Coordinates of hundreds of pixels are too coarse in half precision.
        numbers = dict(
            device=like.bboxes.device,
            dtype=torch.promote_types(like.bboxes.dtype, torch.float32))
        sample.gt_instances = InstanceData(
            bboxes=torch.as_tensor(fused.boxes, **numbers),
            labels=like.labels.new_tensor(fused.labels),
            scores=torch.as_tensor(fused.scores, **numbers))
        source = self.teachers[0] if len(self.parts) == 1 else TEACHER
        if self.empty == 'skip' and not len(fused.scores):
            source = UNLABELLED
        sample.set_metainfo({SOURCE: source})

    def _fused(self, found: Sequence[Detections]) -> Detections:
        if self.fusion is None:
            return found[0]
        return fuse_detections(found, self.fusion, self.iou_thr, self.weights,
                               self.class_agnostic)


@MODELS.register_module()
class TeacherLabels(FusedTeacherLabels):
    """Label samples with the boxes of one teacher, as they are.

    See :class:`FusedTeacherLabels`.

    Args:
        teacher (str): Name of the teacher.
        score_thr (float): Least score of a box, 0 to 1.
        replace (bool): Label all samples anew.

    Raises:
        ConfigError: ``score_thr`` is not between 0 and 1.
    """

    def __init__(self, teacher: str, score_thr: float = 0.5,
                 replace: bool = False) -> None:
        super().__init__({teacher: dict(score_thr=score_thr)}, fusion=None,
                         replace=replace)


_NONE = fuse_detections([])


def _check_size(sample: Any, predicted: Any, name: str, where: object) -> None:
    """Boxes are not rescaled: both must see the picture in one size."""
    sizes = [s.metainfo.get('img_shape') for s in (sample, predicted)]
    if None not in sizes and tuple(sizes[0][:2]) != tuple(sizes[1][:2]):
        raise ValueError(
            f'{where} has the size {tuple(sizes[0][:2])} to the student, but '
            f'{tuple(sizes[1][:2])} to teacher {name!r}: its boxes would lie '
            'elsewhere')
