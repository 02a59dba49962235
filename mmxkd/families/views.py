"""One batch, seen by each model through its own data preprocessor."""
import copy
import random
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.recording.hook_points import STUDENT

from .base import Detector
from .registry import family_of


class ViewsDataPreprocessor(BaseDataPreprocessor):
    """Hands a batch to the preprocessors of the student and the teachers.

    Args:
        student (nn.Module): The student.
        teachers (dict[str, Teacher]): The teachers.
        run_now (callable): Names of the teachers that run in this step.
    """

    def __init__(self, student: Detector, teachers: Mapping[str, Any],
                 run_now: Callable[[], Collection[str]]) -> None:
        super().__init__()
        # In containers, so that neither becomes a part of this one. Teachers,
        # not their models: a copy of the algorithm shares them.
        self._student, self._teachers = [student], dict(teachers)
        self._run_now = run_now

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess a batch.

        Args:
            data (dict): ``inputs``, a list of images or a dict of one list
                per modality, and ``data_samples``.
            training (bool): Whether teachers get their views.

        Returns:
            dict: The student's ``inputs`` and ``data_samples``; while
            training ``views`` too: those of the teachers that run now.

        Raises:
            ConfigError: The batch does not hold what a model sees, or the
                views are padded to different sizes.
        """
        data = self.cast_data(data)
        student = self._student[0].data_preprocessor
        own = dict(data, inputs=_select(data['inputs'], student, None,
                                        STUDENT))
        if not training:
            return self._checked(STUDENT, self._student[0],
                                 student(own, False))
        names, state, views = self._run_now(), _random_state(), {}
        for name, teacher in self._teachers.items():
            preprocessor = teacher.model.data_preprocessor
            # A size that is drawn is kept for later batches, so the draws
            # go on while a teacher is idle.
            draws = getattr(preprocessor, 'batch_augments', None)
            if name in names or draws:
                views[name] = self.view(name, data)
                # Batch augmentations draw the same numbers for each view.
                _set_random_state(state)
        seen = self._checked(STUDENT, self._student[0], student(own, True))
        for name in names:
            check_padding(name, views[name], seen)
        # In the order of the config, and not of a set: of teachers that draw
        # numbers or talk to other processes, it decides what they get.
        return dict(seen,
                    views={n: views[n] for n in self._teachers if n in names})

    def view(self, name: str, data: dict) -> dict:
        """What one teacher sees of a batch that is on its device.

        Args:
            name (str): The teacher.
            data (dict): ``inputs`` and ``data_samples``, which stay as they
                are.
        """
        teacher = self._teachers[name]
        preprocessor = teacher.model.data_preprocessor
        inputs = _select(data['inputs'], preprocessor, teacher.inputs, name)
        return self._checked(f'teachers.{name}', teacher.model,
                             preprocessor(_copy(data, inputs), True))

    @staticmethod
    def _checked(name: str, model: Detector, seen: dict) -> dict:
        """What a preprocessor gave, once its model can take it."""
        family_of(model).check_view(model, seen['inputs'], name)
        return seen


def _select(inputs: Any, preprocessor: nn.Module, modality: str | None,
            name: str) -> Any:
    """The part of a multi-modal batch that a model sees."""
    return family_of(preprocessor).select(inputs, preprocessor, modality, name)


def _copy(data: dict, inputs: Any) -> dict:
    """A batch whose samples a preprocessor may write into."""
    # Not sample.clone(), which shares the boxes.
    return dict(data, inputs=inputs,
                data_samples=copy.deepcopy(data.get('data_samples')))


def check_padding(name: str, view: dict, student: dict) -> None:
    """Refuse views of one picture that are padded to different sizes.

    Their features would not lie on each other, although a connector could
    resize them.

    Args:
        name (str): The teacher.
        view, student (dict): What the data preprocessors gave.

    Raises:
        ConfigError: It names both sizes.
    """
    for s, t in zip(
            student.get('data_samples') or [],
            view.get('data_samples') or [], strict=True):
        own, other = s.metainfo, t.metainfo
        sizes = [m.get('batch_input_shape') for m in (own, other)]
        if (None not in sizes and tuple(sizes[0]) != tuple(sizes[1])
                and own.get('img_shape') == other.get('img_shape')):
            raise ConfigError(
                f'data_preprocessor: a picture of {own["img_shape"]} is '
                f'padded to {tuple(sizes[0])} for the student and to '
                f'{tuple(sizes[1])} for teacher {name!r}; give both the '
                'same pad_size_divisor and batch_augments')


def _random_state() -> tuple:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _set_random_state(state: tuple) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
