"""Student, teachers and distiller, trained as one mmengine model."""
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmxkd.engine.finite import check_finite
from mmxkd.engine.model_config import (
    build_model,
    check_batch_augments,
    refuse_keys,
)
from mmxkd.engine.state_names import use_plain_names
from mmxkd.errors import ConfigError
from mmxkd.families import family_of
from mmxkd.families.context import Context, make_context
from mmxkd.families.dry_run import dry_run, dry_run_size
from mmxkd.families.views import ViewsDataPreprocessor
from mmxkd.recording.hook_points import STUDENT
from mmxkd.recording.recorders import map_tensors, tensors_in
from mmxkd.registry import MODELS
from mmxkd.schedules import Progress, current_progress

from .distiller import Distiller
from .supply import CachedSupplier, LiveSupplier, Supplier, Supply
from .teacher import Teacher, build_teachers


@MODELS.register_module()
class CrossModalDistill(BaseModel):
    """Distil one or several frozen teachers into a student.

    Student and teachers are ordinary detector configs, each with a data
    preprocessor of its own, which decides what that model sees of a batch.
    In each training step the teachers that any loss or label needs now run
    first, up to their last recorded layer or to their predictions, which may
    label samples; then the student, with its own losses; then the
    distillation losses. Prediction is the student's alone.

    Args:
        student (dict): Model config of the student.
        teachers (dict[str, dict]): Name → :class:`.teacher.Teacher`
            arguments: ``cfg``, ``checkpoint``, ``dtype``, ….
        distiller (dict): See :class:`.distiller.Distiller`.
        dry_run (bool | tuple[int, int]): Run student and teachers once on
            grey pictures, of this height and width, when the model is built:
            to check shapes, infer connectors, and find records that a later
            layer overwrites. False: connectors must be stated.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Raises:
        ConfigError: Something in the config cannot be built; the message
            names the key and offers the nearest name.
    """

    def __init__(self, student: dict | None = None,
                 teachers: dict[str, dict] | None = None,
                 distiller: dict | None = None,
                 dry_run: bool | Sequence[int] = True,
                 init_cfg: dict | None = None, **unknown: Any) -> None:
        super().__init__(init_cfg=init_cfg)
        refuse_keys(unknown, ('student', 'teachers', 'distiller', 'dry_run'))
        if not teachers:
            raise ConfigError("model.teachers is empty: there is no one to "
                              'learn from')
        size = dry_run_size(dry_run)
        student = student or {}
        self.student = build_model(student, key='model.student')
        self._teachers: dict[str, Teacher] = build_teachers(teachers)
        check_batch_augments(
            student, {name: t.cfg for name, t in self._teachers.items()})
        self.data_preprocessor = ViewsDataPreprocessor(self.student,
                                                       self._teachers,
                                                       self._teachers_now)
        self.distiller = Distiller(distiller or {}, self.student,
                                   self._teachers)
        self._suppliers: dict[str, Supplier] = {
            name: CachedSupplier(t) if t.cache else LiveSupplier(t)
            for name, t in self._teachers.items()
        }
        # MMRazor's StopDistillHook sets this.
        self.distillation_stopped = False
        if size is not None:
            self._dry_run(size)
        for loss in self.distiller.losses.values():
            loss.check_fitted()
        use_plain_names(self)

    @property
    def teachers(self) -> dict[str, Teacher]:
        """The teachers by name; they are not sub-modules."""
        return self._teachers

    def _dry_run(self, size: tuple) -> None:
        models = [(self.student, STUDENT, 'loss')]
        models += [(t.model, name, t.mode)
                   for name, t in self._teachers.items()]
        if not all(family_of(m).can_dry_run(m) for m, _, _ in models):
            return
        try:
            found = {
                name: dry_run(model, self.distiller.tapes[name], mode, size,
                              gradient=name == STUDENT)
                for model, name, mode in models
            }
            if found[STUDENT] is not None:
                self.distiller.check_weighed(found[STUDENT])
            inputs, samples = family_of(self.student).grey_batch(
                self.student, size)
            device = next(tensors_in(inputs)).device
            self.distiller.fit(
                self._context(samples, device, current_progress()),
                type(self.student).__name__)
        finally:
            self._release()

    def _context(self, samples: list | None, device: torch.device,
                 progress: Progress) -> Context:
        return make_context(self.student, samples, device, progress,
                            self._teachers, self.distiller.implicit_record)

    def init_weights(self) -> None:
        """Initialise the student, and load the teachers."""
        super().init_weights()
        for teacher in self._teachers.values():
            teacher.load()

    def check_classes(self, classes: Sequence[str] | None) -> None:
        """Compare the student's classes with those of the teachers.

        Raises:
            ConfigError: A loss or label compares classes that differ.
        """
        self.distiller.check_classes(classes, self._teachers)

    def _apply(self, fn, recurse: bool = True) -> nn.Module:
        # Teachers are not sub-modules, but move with the algorithm.
        for teacher in self.__dict__.get('_teachers', {}).values():
            teacher.apply(fn)
        return super()._apply(fn, recurse)

    def _set_device(self, device: torch.device) -> None:
        super()._set_device(device)
        for teacher in self._teachers.values():
            if isinstance(teacher.model, BaseModel):
                teacher.model._set_device(device)

    def __getattr__(self, name: str) -> Any:
        # Hooks written for the plain student (model.bbox_head…) find it.
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == 'student' or name.startswith('_'):
                raise
            return getattr(self.student, name)

    def _weights_now(self) -> dict[str, float]:
        if self.distillation_stopped:
            return dict.fromkeys(self.distiller.losses, 0.0)
        return self.distiller.weights(current_progress())

    def _teachers_now(self) -> set[str]:
        """Teachers with a loss that weighs something at this moment."""
        return self.distiller.teachers_of(
            name for name, weight in self._weights_now().items() if weight)

    def forward(self, inputs: Any, data_samples: list | None = None,
                mode: str = 'tensor', views: dict | None = None) -> Any:
        """The student's forward; in mode ``'loss'`` with distillation.

        Args:
            inputs: What the student's data preprocessor gave.
            data_samples (list): Likewise.
            mode (str): ``'loss'``, ``'predict'`` or ``'tensor'``.
            views (dict): For each teacher that runs now, its ``inputs`` and
                ``data_samples``.
        """
        if mode != 'loss':
            return self.student(inputs, data_samples, mode=mode)
        return self.loss(inputs, data_samples, views or {})

    def loss(self, inputs: Any, data_samples: list | None,
             views: dict[str, dict]) -> dict[str, Any]:
        """Losses of the student and of the distiller.

        Raises:
            ConfigError: A teacher was never loaded.
            RecordError: A layer did not give what a loss relies on.
            NonFiniteLossError: A loss is NaN or infinite.
        """
        progress = current_progress()
        weights = self._weights_now()
        try:
            supplies = {n: self.supply(n, view) for n, view in views.items()}
            self.distiller.label(data_samples, supplies)
            losses = self._student_loss(inputs, data_samples, supplies,
                                        listen=any(weights.values()))
            like = _first_tensor(losses)
            context = self._context(data_samples, like.device, progress)
            _weigh(losses,
                   self.distiller.student_weights(weights, progress, losses))
            losses.update(self.distiller(weights, context, like, supplies))
        finally:
            self._release()
        check_finite(losses, data_samples, progress.iter)
        return losses

    def supply(self, name: str, view: dict[str, Any]) -> Supply:
        """What a teacher gives for its view of a batch."""
        return self._suppliers[name](view, name in self.distiller.predicting)

    def _student_loss(self, inputs: Any, data_samples: list | None,
                      supplies: dict[str, Supply],
                      listen: bool) -> dict[str, Any]:
        if not listen:
            return dict(self.student(inputs, data_samples, mode='loss'))
        with self.distiller.listen(supplies):
            return dict(self.student(inputs, data_samples, mode='loss'))

    def _release(self) -> None:
        for tape in self.distiller.tapes.values():
            tape.release()


def _weigh(losses: dict[str, Any], weights: dict[str, float]) -> None:
    """Multiply losses of the student, in place."""
    for name, weight in weights.items():
        scale = partial(torch.mul, other=weight)
        losses[name] = map_tensors(scale, losses[name])


def _first_tensor(losses: dict[str, Any]) -> Tensor:
    for value in losses.values():
        value = value[0] if isinstance(value, (list, tuple)) else value
        if isinstance(value, Tensor):
            return value
    raise ConfigError('the student returns no loss')
