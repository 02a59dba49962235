"""One batch, seen by each model through its own data preprocessor."""
import random
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseDataPreprocessor
from torch import nn

from mmxkd.errors import ConfigError, did_you_mean

# Batch augmentations that draw nothing: each view gets the same geometry.
_FIXED = ('BatchFixedSizePad', )


class ViewsDataPreprocessor(BaseDataPreprocessor):
    """Hands a batch to the preprocessors of the student and the teachers.

    Args:
        student (nn.Module): The student.
        teachers (dict[str, Teacher]): The teachers.
        wanted (callable): Names of the teachers that run in this step.
    """

    def __init__(self, student: nn.Module, teachers: Mapping[str, Any],
                 wanted: Callable[[], Collection[str]]) -> None:
        super().__init__()
        self._views = dict(student=student)
        self._inputs: dict[str, str | None] = dict(student=None)
        for name, teacher in teachers.items():
            self._views[name] = teacher.model
            self._inputs[name] = teacher.inputs
        self._wanted = wanted

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess a batch.

        Args:
            data (dict): ``inputs``, a list of images or a dict of one list
                a modality, and ``data_samples``.
            training (bool): Whether teachers get their views.

        Returns:
            dict: The student's ``inputs`` and ``data_samples``; while
            training ``views`` too: those of the teachers that run now.
        """
        data = self.cast_data(data)
        if not training:
            return self._view('student', data, False)
        state = _random_state()
        views = {}
        for name in self._wanted():
            views[name] = self._view(name, data, True)
            # Batch augmentations draw the same numbers for each view.
            _set_random_state(state)
        return dict(self._view('student', data, True), views=views)

    def _view(self, name: str, data: dict, training: bool) -> dict:
        model = self._views[name]
        data = dict(data, inputs=select(
            data['inputs'], model.data_preprocessor, self._inputs[name],
            name))
        # Each preprocessor writes into its samples.
        if data.get('data_samples') is not None and name != 'student':
            data['data_samples'] = [s.clone() for s in data['data_samples']]
        return model.data_preprocessor(data, training)


def select(inputs: Any, preprocessor: nn.Module, modality: str | None,
           name: str) -> Any:
    """The part of a multi-modal batch that a model sees.

    A preprocessor with ``modalities`` (or of mmdet3d) chooses by itself;
    any other gets the modality that is asked for, or the images.

    Raises:
        ConfigError: The batch does not hold that modality.
    """
    if not isinstance(inputs, Mapping):
        return inputs
    chooses = hasattr(preprocessor, 'modalities') or (
        type(preprocessor).__module__.startswith('mmdet3d'))
    if chooses and modality is None:
        return inputs
    modality = modality or 'img'
    if modality not in inputs:
        raise ConfigError(
            f'{name}: its data preprocessor sees {modality!r}, which the '
            f'batch does not hold; {did_you_mean(modality, inputs)}')
    return {modality: inputs[modality]} if chooses else inputs[modality]


def check_batch_augments(student: nn.Module, teachers: Mapping[str, Any],
                         cfgs: Mapping[str, dict]) -> None:
    """Refuse random batch augmentations that differ between the views.

    Args:
        student (nn.Module): The student.
        teachers (dict[str, Teacher]): The teachers.
        cfgs (dict[str, dict]): Model configs, ``'student'`` among them.

    Raises:
        ConfigError: A view would be resized where another is not.
    """

    def draws(name: str) -> list:
        augments = _preprocessor_cfg(cfgs[name]).get('batch_augments') or []
        return [dict(a) for a in augments
                if str(a.get('type')).split('.')[-1] not in _FIXED]

    for name in teachers:
        if draws(name) != draws('student'):
            raise ConfigError(
                f'data_preprocessor.batch_augments of the student and of '
                f'teacher {name!r} differ: {draws("student")} and '
                f'{draws(name)}. Both must see the same geometry; give both '
                'the same ones, or none')


def _preprocessor_cfg(model_cfg: Mapping[str, Any]) -> Mapping[str, Any]:
    return model_cfg.get('data_preprocessor') or ConfigDict()


def _random_state() -> tuple:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _set_random_state(state: tuple) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
