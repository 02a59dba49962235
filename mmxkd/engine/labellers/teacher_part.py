"""What a labeller takes from one of its teachers."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmxkd.engine.meaning import check_classes
from mmxkd.errors import ConfigError, check_name, check_number
from mmxkd.evaluation.functional.box_fusion import Detections
from mmxkd.evaluation.functional.box_overlaps import suppress


@dataclass
class TeacherPart:
    """Which detections of a teacher count, and as what.

    Args:
        name (str): The teacher.
        score_thr (float): Least score of a box, 0 to 1.
        iou_thr (float, optional): A box that overlaps a better one of its
            class by more is left out, 0 to below 1. None: the teacher's own
            suppression is enough.
        classes (dict[str, str], optional): From names of the teacher's
            classes to names of the student's. Classes that it does not name
            are left out; several may become one. None: the classes are the
            same, in one order.

    Raises:
        ConfigError: A number is out of range, or the map is empty.
    """

    name: str
    score_thr: float = 0.5
    iou_thr: float | None = None
    classes: Mapping[str, str] | None = None
    #: For each class of the teacher that of the student; -1: left out.
    _targets: np.ndarray | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        check_number(f'{self._key}.score_thr', self.score_thr, 0, 1)
        if self.iou_thr is not None:
            check_number(f'{self._key}.iou_thr', self.iou_thr, 0, below=1)
        if self.classes is not None and not (isinstance(self.classes, Mapping)
                                             and self.classes):
            raise ConfigError(
                f'{self._key}.classes={self.classes!r}, expected a dict such '
                "as dict(car='vehicle'): class of the teacher to class of the "
                'student')

    @property
    def _key(self) -> str:
        return f'labels of teacher {self.name!r}'

    def check_classes(self, student: Sequence[str] | None,
                      teacher: Any) -> None:
        """Find what each class becomes, or compare the classes.

        Args:
            student (Sequence[str], optional): The student's classes.
            teacher (Teacher): With its ``meaning``.

        Raises:
            ConfigError: The classes differ and there is no map; or the map
                names one that does not exist, or nothing says which there
                are.
        """
        own = teacher.meaning.classes
        if self.classes is None:
            if teacher.check_meaning:
                check_classes(student, own, self.name, 'distiller.labels')
            return
        where = f'{self._key}.classes'
        for known, whose in ((own, 'the teacher'), (student, 'the student')):
            if known is None:
                raise ConfigError(
                    f'{where}: nothing says which classes {whose} has; set '
                    'metainfo=dict(classes=(…)) of the dataset in its config')
        assert own is not None and student is not None
        for name, target in self.classes.items():
            check_name('class of the teacher', name, own, where)
            check_name('class of the student', target, student, where)
        names = list(student)
        self._targets = np.array([
            names.index(self.classes[name]) if name in self.classes else -1
            for name in own
        ])

    def chosen(self, found: Any, where: object) -> Detections:
        """What counts of the detections in one frame.

        Args:
            found (InstanceData): ``bboxes`` (n, 4) xyxy, ``scores`` (n, )
                and ``labels`` (n, ).
            where: The frame, for messages.

        Returns:
            Detections: In their order; the best first where ``iou_thr`` is
            set. Boxes without area are left out: mmdet's assigners give
            them to any anchor.

        Raises:
            ValueError: A score or a box is not finite, or a class has no
                name.
            ConfigError: There is a map, and :meth:`check_classes` was not
                called.
        """
        boxes, scores = (found[key].detach().double().cpu().numpy()
                         for key in ('bboxes', 'scores'))
        for what, values in (('score', scores), ('box', boxes)):
            if not np.isfinite(values).all():
                raise ValueError(f'teacher {self.name!r} gave a {what} that '
                                 f'is not finite for {where}')
        labels = self._mapped(found.labels.cpu().numpy(), where)
        part = Detections(
            boxes, scores,
            labels).chosen((scores >= self._as_precise(found.scores))
                           & (labels >= 0)
                           & (boxes[:, 2:] > boxes[:, :2]).all(1))
        if self.iou_thr is None:
            return part
        return part.chosen(
            suppress(part.boxes, part.scores, self.iou_thr, part.labels))

    def _as_precise(self, scores: Any) -> float:
        """The threshold in the precision of the scores: 0.3 reaches 0.3."""
        return float(scores.new_tensor(self.score_thr))

    def _mapped(self, labels: np.ndarray, where: object) -> np.ndarray:
        if self.classes is None:
            return labels
        if self._targets is None:
            raise ConfigError(
                f'{self._key}.classes: the classes were not compared; call '
                'check_classes() of the model before training, as '
                'mmxkd.TeacherMeaningHook does')
        strange = (labels < 0) | (labels >= len(self._targets))
        if strange.any():
            raise ValueError(f'teacher {self.name!r} gave the class '
                             f'{labels[strange][0]} for {where}, but only '
                             f'{len(self._targets)} have names')
        return self._targets[labels]
