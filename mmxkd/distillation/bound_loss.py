"""One distillation loss, bound to the layers that it reads."""
import logging
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmxkd.engine.building import build_part
from mmxkd.engine.label_sources import check_labelled, frames_of
from mmxkd.engine.several_processes import check_no_collective
from mmxkd.errors import ConfigError
from mmxkd.families.context import Context
from mmxkd.families.strides import size_of, stride_hint
from mmxkd.losses.base import DistillationLoss
from mmxkd.losses.foreign import ForeignLoss, as_distillation_loss
from mmxkd.schedules import Progress, build_schedule, refuse_negative

from .building import CHANNELS, TEACHER_MODEL, lacks_channels
from .connectors import check_maps, connect, connectors_for, infer_connector
from .head_binding import head_sources
from .loss_inputs import LossInputs
from .normal_form import LOSS_KEYS, LossConfig
from .reading import Kind


class BoundLoss(nn.Module):
    """A loss module, where its arguments come from, and its weight.

    Args:
        config (LossConfig): The loss in normal form.
        models (dict[str, nn.Module]): Student and teachers by name.
        connectors (dict[str, nn.Module]): Connectors that the config gave a
            name; they are parts of the distiller.

    Attributes:
        inputs (LossInputs): The places that it reads.

    Raises:
        ConfigError: A layer, an argument or a type does not exist.
    """

    def __init__(self, config: LossConfig, models: Mapping[str, nn.Module],
                 connectors: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.name = config.name
        self.key = f'distiller loss {config.name!r}'
        self.schedule = build_schedule(config.weight,
                                       f'{self.key}: loss_weight')
        refuse_negative(self.schedule, f'{self.key}: loss_weight')
        self.only = config.only
        self.module = build_part(config.cfg, self.key, LOSS_KEYS)
        self.connector: nn.Module | None = None
        # Of the levels in the dry run, for the table.
        self.sizes: list[tuple[str, str]] = []
        # The config of a connector whose channels a dry run has to tell.
        self.unfitted: Mapping | None = None
        self._state_connector(config.connector)
        arguments = config.arguments
        if self.loss.between_heads:
            arguments = head_sources(self.loss, config, models, self.key)
        self.inputs = LossInputs(self.loss.called(), arguments, models,
                                 self.key)
        self._check_asked()
        # A connector that the config names is not added to.
        self.infer = (config.connector == 'auto'
                      and not self.inputs.shared_connectors)
        # In a dict, so that they are parts of the distiller alone.
        self._shared = {
            name: connectors[name] for name in self.inputs.shared_connectors
        }
        for part in (self.connector, *self._shared.values()):
            if (kind := type(part).__name__) in self.loss.replaces_connectors:
                raise ConfigError(
                    f'{self.key}: {type(self.module).__name__} does itself '
                    f'what {kind} does; leave the connector out')

    def _state_connector(self, config: Any) -> None:
        if not isinstance(config, Mapping):
            return
        if lacks_channels(config, f'{self.key}: connector'):
            self.unfitted = config
        else:
            self.connector = build_part(config, f'{self.key}: connector')

    def _check_asked(self) -> None:
        asked, teachers = self.inputs.asked, self.inputs.teachers
        if TEACHER_MODEL in asked and len(teachers) != 1:
            raise ConfigError(f'{self.key}: it calls its teacher again, so '
                              'it reads one, not '
                              f'{sorted(teachers)}')
        if TEACHER_MODEL in asked and self.only is not None:
            raise ConfigError(f'{self.key}: only={self.only!r}: it calls its '
                              'teacher again, with all frames')
        if self.only is not None and self.loss.student_weights(Progress()):
            raise ConfigError(
                f'{self.key}: only={self.only!r}: it also weighs a loss of '
                "the student's, which is of all frames")

    @property
    def loss(self) -> DistillationLoss | ForeignLoss:
        """The module, or one who speaks for it."""
        return as_distillation_loss(self.module)

    def of_its_frames(self, values: dict[str, Any],
                      context: Context) -> tuple | None:
        """Values and context of the frames that it learns from.

        Args:
            values (dict): What ``inputs`` read.
            context (Context): Of the whole batch.

        Returns:
            tuple | None: Both; None, if there is no such frame.

        Raises:
            ConfigError: It reads the labels of a frame that has none, or it
                cannot be told which part of a value is of which frame.
        """
        samples = context.step.samples
        frames = frames_of(samples, self.only)
        if 'batch_data_samples' in self.inputs.asked:
            check_labelled([samples[i] for i in frames], self.key,
                           "let a teacher label it, or set only='human'")
        if len(frames) == len(samples):
            return values, context
        found = self.inputs.of_frames(values, frames, len(samples))
        return (found, context.of(frames)) if frames else None

    def fit(self, values: dict[str, Any]) -> None:
        """Compare levels and shapes, and infer a connector where needed.

        Raises:
            ConfigError: The levels differ in number, something is not a
                feature map, or no connector can be inferred.
        """
        try:
            pair = self.inputs.pair(self._connected(values),
                                    self.loss.takes_levels)
        except (RuntimeError, TypeError) as error:
            raise ConfigError(f'{self.key}: its connector does not suit '
                              f'{self.inputs.address(0)}: {error}') from error
        if pair is None:
            self.check_fitted()
            return
        student, teacher = pair
        addresses = self.inputs.address(0), self.inputs.address(1)
        if len(student) != len(teacher):
            raise ConfigError(
                f'{self.key}: {addresses[0]} has {len(student)} levels, '
                f'{addresses[1]} has {len(teacher)}; choose as many on '
                'both sides, e.g. by a range such as [:4]')
        for position, levels in enumerate(pair):
            if self.loss.maps_only:
                check_maps(
                    levels, f'{self.key}: '
                    f'{type(self.module).__name__} compares maps, '
                    + addresses[position])
        self.loss.fit(teacher)
        self.sizes = [(size_of(s), size_of(t))
                      for s, t in zip(student, teacher, strict=True)]
        hint = stride_hint(student, teacher)
        if hint:
            print_log(
                f'{self.key}: {addresses[0]} and {addresses[1]} pair '
                f'levels of other strides, {self.sizes} (student, teacher): '
                + hint, logger='current', level=logging.WARNING)
        if self.unfitted is not None:
            self.connector = connectors_for(self.unfitted, student, teacher,
                                            f'{self.key}: connector')
            self.unfitted = None
        if not self.infer or self.connector is not None:
            return
        if not self.loss.same_shape:
            return
        try:
            self.connector = infer_connector(student, teacher)
        except ValueError as error:
            raise ConfigError(f'{self.key}: {error}') from error

    def rehearse(self, values: dict[str, Any], context: Mapping[str, Any],
                 detector: str) -> None:
        """Compute the loss once, so that what does not fit is refused now.

        Args:
            values, context: What :meth:`forward` is called with.
            detector (str): Class of the student.

        Raises:
            ConfigError: The loss cannot be computed, and why.
        """
        module = self.module
        # What a loss remembers of its calls shall not be of this one.
        self.module = deepcopy(module)
        try:
            self(values, context)
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(
                f'{self.key}: {type(module).__name__} cannot be computed '
                f'from {self.inputs.address(0)} of {detector} in the dry run: '
                f'{error}') from error
        finally:
            self.module = module

    def check_fitted(self) -> None:
        """Raise where no dry run has told a connector its channels.

        Raises:
            ConfigError: There is such a connector.
        """
        if self.unfitted is not None:
            raise ConfigError(
                f'{self.key}: connector={dict(self.unfitted)}: no dry run '
                f'told its channels; state {CHANNELS}')
        if self.loss.lacks:
            raise ConfigError(f'{self.key}: no dry run told its '
                              f'{self.loss.lacks}; state them')

    def _connected(self, values: dict[str, Any]) -> dict[str, Any]:
        """Apply the connectors."""
        values, readings = dict(values), self.inputs.readings
        names = list(values)
        target: Any = values[names[1]] if len(names) > 1 else None
        if len(names) > 1 and readings[names[1]].kind is Kind.TEACHERS:
            target = target[0]
        for name, reading in readings.items():
            if reading.connector is not None:
                values[name] = connect(self._shared[reading.connector],
                                       values[name], target)
        if self.connector is not None:
            values[names[0]] = connect(self.connector, values[names[0]],
                                       target)
        return values

    def forward(self, values: dict[str, Any],
                context: Mapping[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """The raw loss and its levels.

        Args:
            values (dict): What ``inputs`` read.
            context (dict): Values of the names that a loss may ask for.

        Returns:
            tuple[Tensor, list[Tensor]]: A scalar without its weight, and one
            scalar per level.
        """
        values = self._connected(values)
        split = {
            name for name, reading in self.inputs.readings.items()
            if reading.splits(values[name])
        }
        values.update(self._given(context))
        return self.loss.terms(values, split)

    def _given(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """What the loss asks for beside features.

        What the student cannot serve is left at its default, where the
        argument has one.
        """
        found = {}
        for name in self.inputs.asked:
            try:
                if name == TEACHER_MODEL:
                    (teacher, ) = self.inputs.teachers
                    found[name] = context['teachers'][teacher]
                else:
                    found[name] = context[name]
            except ConfigError as error:
                if name not in self.inputs.optional:
                    raise ConfigError(f'{self.key}: {error}') from error
        return found

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """All that has parameters of this loss."""
        return (self, *self._shared.values())

    def check_collectives(self) -> None:
        """Refuse what waits for processes that may not take part.

        Raises:
            ConfigError: A loss of some frames has a synchronised batch norm.
        """
        if self.only is not None:
            check_no_collective(self.parts, f'{self.key}: only={self.only!r}')
