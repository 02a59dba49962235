"""A teacher: frozen, in eval mode, in its own precision, stopped early."""
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.logging import print_log
from torch import nn

from mmxkd.engine.meaning import check_inputs, meaning_of_config
from mmxkd.engine.model_config import (
    build_model,
    initialise,
    read_model_config,
    whole_config,
)
from mmxkd.engine.teacher_cache import build_cache
from mmxkd.engine.weights import LoadReport, load_teacher
from mmxkd.errors import ConfigError, check_keys, check_known
from mmxkd.families import family_of
from mmxkd.recording.tape import Tape

DTYPES = dict(fp32=None, bf16=torch.bfloat16, fp16=torch.float16)


class _TeacherTape(Tape):
    """Shared by copies of the algorithm, as the teacher is."""

    def __deepcopy__(self, memo: dict) -> '_TeacherTape':
        return self


class Teacher:
    """A frozen model that is run only to be listened to.

    It is not an ``nn.Module``, on purpose: so it is in no state dict, no
    optimizer and no EMA copy, and neither ``train()`` nor a SyncBN conversion
    reaches it.

    Args:
        name (str): Its name in hook points.
        cfg (str | dict): A config file, ``'mmdet::…'``, or a model dict.
        checkpoint (str, optional): Its weights, loaded before training
            starts.
        strict (bool): Refuse a checkpoint that does not fit completely.
        prefix (str): Prefix to cut off the names in the checkpoint.
        random (bool): Allow a teacher without a checkpoint. It starts with
            the initialisation of its config, pretrained parts left out.
        scope (str, optional): Registry scope, e.g. ``'mmdet'``. Default:
            that of its config file, or the one in force.
        inputs (str, optional): The one modality that this model sees, where
            its data preprocessor does not say so itself.
        dtype (str): ``'fp32'``, ``'bf16'`` or ``'fp16'``; autocast of its
            forward pass, whatever the student uses.
        mode (str): The forward that is listened to: ``'predict'`` or
            ``'loss'``.
        check_meaning (bool): Compare the classes and the inputs that the
            checkpoint was trained with, with this config and with the
            student's data.
        cache (dict, optional): ``dir`` and ``dtype`` of a
            :class:`~mmxkd.engine.teacher_cache.TeacherCache`.
    """

    def __init__(self, name: str, cfg: str | dict,
                 checkpoint: str | None = None, strict: bool = True,
                 prefix: str = '', random: bool = False,
                 scope: str | None = None, inputs: str | None = None,
                 dtype: str = 'fp32', mode: str = 'predict',
                 check_meaning: bool = True,
                 cache: Mapping | None = None) -> None:
        check_known(f'teachers.{name}.dtype', dtype, DTYPES)
        if mode not in ('predict', 'loss'):
            raise ConfigError(f"teachers.{name}.mode={mode!r}: expected "
                              "'predict' or 'loss'")
        self.name, self.checkpoint, self.strict = name, checkpoint, strict
        self.prefix, self.random = prefix, random
        self.inputs, self.mode = inputs, mode
        self.dtype = DTYPES[dtype]
        self.loaded = False
        whole = whole_config(cfg, f'teachers.{name}.cfg')
        self.meaning = meaning_of_config(whole)
        self.check_meaning = check_meaning
        self.cfg, cfg_scope = read_model_config(whole, f'teachers.{name}.cfg')
        self.model = build_model(self.cfg, scope or cfg_scope,
                                 f'teachers.{name}.cfg')
        self.model.requires_grad_(False)
        self.model.eval()
        self.tape = _TeacherTape(self.model, name)
        self.cache = None if cache is None else build_cache(self, cache)

    def __deepcopy__(self, memo: dict) -> 'Teacher':
        # An EMA copy of the algorithm shares the teacher: it never changes.
        return self

    def load(self) -> None:
        """Load the weights, once.

        Raises:
            ConfigError: There is no checkpoint, or it does not fit.
        """
        if self.loaded:
            return
        if self.checkpoint is None:
            if not self.random:
                raise ConfigError(
                    f'teachers.{self.name}.checkpoint is not set: a random '
                    'teacher teaches noise. If this is meant, set '
                    f'teachers.{self.name}.random=True')
            print_log(f'teacher {self.name!r} is random, as asked for',
                      logger='current', level=30)
            initialise(self.model)
        else:
            if not self.strict:  # for what the file does not hold
                initialise(self.model)
            report = load_teacher(self.model, self.checkpoint, self.name,
                                  self.strict, self.prefix)
            self._compare_with(report)
        self.loaded = True

    def check_loaded(self) -> None:
        """Raise a ConfigError where the weights were never loaded."""
        if not self.loaded:
            raise ConfigError(
                f'teacher {self.name!r} was never loaded: call '
                'init_weights() before training, as the runner does')

    def _compare_with(self, report: LoadReport) -> None:
        """What the file says of classes, inputs and sizes, against the
        config."""
        if self.check_meaning:
            check_inputs(report.meaning, self.meaning, self.name, report.path)
        if report.meaning.classes is not None:
            self.meaning.classes = report.meaning.classes
        if report.meaning.size is not None:
            self.meaning.size = report.meaning.size

    @torch.no_grad()
    def watch(self, inputs: Any, data_samples: Any,
              stop_when_full: bool = True,
              predict: bool = False) -> list | None:
        """Run the model until its tape is full, or to the end.

        Under ``no_grad``, not ``inference_mode``: a loss must be able to
        save its tensors for the backward pass.

        Args:
            inputs: What its data preprocessor gave.
            data_samples: Likewise.
            stop_when_full (bool): Stop after the last recorded layer.
            predict (bool): Run to the end, and return the predictions.

        Returns:
            list | None: One data sample per image, if ``predict``.
        """
        self.model.eval()
        with self.tape.listen(stop_when_full and not predict):
            with self._precision():
                if predict:
                    return family_of(self.model).predict(
                        self.model, inputs, data_samples)
                self.model(inputs, data_samples, mode=self.mode)
        return None

    @contextmanager
    def late_call(self, gradient: bool = False) -> Iterator[nn.Module]:
        """Lend the model to a loss, which calls parts of it once more.

        For what can be asked only after the student has run: what the
        teacher predicts for the student's RoIs, or from the student's
        features. In eval mode and in the teacher's precision, but for
        gradients in fp16; nothing is recorded. The weights are frozen in any
        case.

        Args:
            gradient (bool): Let gradients pass through to the inputs. In fp16
                those below 6e-8 would be lost, since the student's loss scale
                does not reach them: they pass in float32.
        """
        self.model.eval()
        with torch.set_grad_enabled(gradient and torch.is_grad_enabled()):
            with self._precision(gradient):
                yield self.model

    def _precision(self, gradient: bool = False) -> torch.autocast:
        device = next(self.model.parameters()).device.type
        if self.dtype is None or (gradient and self.dtype == torch.float16):
            return torch.autocast(device, enabled=False)
        return torch.autocast(device, self.dtype)

    def apply(self, function) -> None:
        """Move or cast the model as ``nn.Module._apply`` does."""
        self.model._apply(function)


def build_teachers(cfgs: dict[str, dict]) -> dict[str, Teacher]:
    """Build all teachers of a config.

    Raises:
        ConfigError: A name that no hook point could hold, or an unknown key.
    """
    known = ('cfg', 'checkpoint', 'strict', 'prefix', 'random', 'scope',
             'inputs', 'dtype', 'mode', 'check_meaning', 'cache')
    teachers = {}
    for name, cfg in cfgs.items():
        if not name.isidentifier() or name == 'student':
            raise ConfigError(f'teachers.{name}: expected a name of letters, '
                              "digits and '_' other than 'student'")
        if not isinstance(cfg, Mapping):
            raise ConfigError(f'teachers.{name}={cfg!r}: expected a dict with '
                              "'cfg' and 'checkpoint'")
        check_keys(f'teachers.{name}', cfg, known)
        if 'cfg' not in cfg:
            raise ConfigError(f"teachers.{name}: 'cfg' is missing")
        teachers[name] = Teacher(name, **cfg)
    return teachers
