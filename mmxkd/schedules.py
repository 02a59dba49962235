"""The weight of a loss over time.

A ``loss_weight`` is a number, or a dict such as
``dict(type='Linear', start=0., stop=0.5, begin=0, end=500)``: from ``start``
to ``stop`` between the iterations (``by_epoch=True``: epochs) ``begin`` and
``end``. A weight of 0 means that the loss is not computed, and that a
teacher whose losses all weigh 0 is not run.
"""
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature

from mmengine.logging import MessageHub, print_log

from .errors import ConfigError, check_keys, check_known


@dataclass(frozen=True)
class Progress:
    """How far the training has come.

    Attributes:
        iter (int): Iterations done, over all epochs.
        epoch (int): Epochs done.
    """
    iter: int = 0
    epoch: int = 0


def current_progress() -> Progress:
    """The progress of the running :class:`mmengine.runner.Runner`.

    The runner restores it when it resumes, and so do the schedules.
    """
    hub = MessageHub.get_current_instance()
    return Progress(int(hub.get_info('iter', 0) or 0),
                    int(hub.get_info('epoch', 0) or 0))


def refuse_negative(schedule: 'Constant', key: str) -> None:
    """Raise where a weight starts or ends below 0, which would unteach.

    Raises:
        ConfigError: It names the value.
    """
    for value in (schedule.value, getattr(schedule, 'stop', 0.0)):
        if value < 0:
            raise ConfigError(f'{key}={value:g}: expected 0 or more; below 0 '
                              'the student would flee the teacher')


def _require_finite(value: float) -> None:
    """Refuse NaN and infinity as a weight."""
    if not math.isfinite(value):
        raise ValueError(f'expected a finite number, got {value}')


def warn_if_it_stands_still(schedule: 'Constant', key: str) -> None:
    """Warn of a schedule by epoch in a run that counts none.

    mmengine's ``IterBasedTrainLoop`` is one epoch from its first to its last
    iteration.
    """
    hub = MessageHub.get_current_instance()
    if schedule.by_epoch and hub.get_info('max_epochs') == 1:
        print_log(
            f'{key} changes by epoch, but this run has only one (an '
            'IterBasedTrainLoop counts none): it never changes. Use '
            'by_epoch=False', logger='current', level=logging.WARNING)


class Constant:
    """One value between ``begin`` and ``end``, and 0 outside.

    Examples:
        >>> stop_after_two = Constant(0.5, end=2, by_epoch=True)
        >>> [stop_after_two(Progress(epoch=e)) for e in (0, 1, 2)]
        [0.5, 0.5, 0.0]
    """

    def __init__(self, value: float, begin: int = 0, end: float = math.inf,
                 by_epoch: bool = False) -> None:
        if end <= begin:
            raise ValueError(f'end={end} must be after begin={begin}')
        _require_finite(value)
        self.value, self.by_epoch = float(value), by_epoch
        self.begin, self.end = begin, end

    def now(self, progress: Progress) -> int:
        """Iterations or epochs done."""
        return progress.epoch if self.by_epoch else progress.iter

    def __call__(self, progress: Progress) -> float:
        inside = self.begin <= self.now(progress) < self.end
        return self.value if inside else 0.0


class Linear(Constant):
    """A straight line from ``start`` at ``begin`` to ``stop`` at ``end``.

    Examples:
        >>> warm_up = Linear(0., 1., end=4)
        >>> [warm_up(Progress(iter=i)) for i in (0, 1, 4, 9)]
        [0.0, 0.25, 1.0, 1.0]
    """

    def __init__(self, start: float, stop: float, end: int, begin: int = 0,
                 by_epoch: bool = False) -> None:
        super().__init__(start, begin, end, by_epoch)
        _require_finite(stop)
        self.stop = float(stop)

    def shape(self, done: float) -> float:
        """Share of the way from start to stop, both in [0, 1]."""
        return done

    def __call__(self, progress: Progress) -> float:
        done = (self.now(progress) - self.begin) / (self.end - self.begin)
        share = self.shape(min(max(done, 0.0), 1.0))
        return self.value + (self.stop - self.value) * share


class Cosine(Linear):
    """Half a cosine from ``start`` at ``begin`` to ``stop`` at ``end``.

    Examples:
        >>> fade_out = Cosine(1., 0., end=4)
        >>> [round(fade_out(Progress(iter=i)), 3) for i in (0, 1, 2, 4)]
        [1.0, 0.854, 0.5, 0.0]
    """

    def shape(self, done: float) -> float:
        return 0.5 - 0.5 * math.cos(math.pi * done)


class MultiStep(Constant):
    """Multiplied by ``gamma`` at each milestone; ``gamma=0`` stops.

    Examples:
        >>> halve = MultiStep(1., milestones=[2, 4], gamma=0.5)
        >>> [halve(Progress(iter=i)) for i in (1, 2, 4)]
        [1.0, 0.5, 0.25]
    """

    def __init__(self, value: float, milestones: Sequence[int],
                 gamma: float = 0.1, by_epoch: bool = False) -> None:
        super().__init__(value, by_epoch=by_epoch)
        self.milestones, self.gamma = sorted(milestones), gamma

    def __call__(self, progress: Progress) -> float:
        passed = sum(m <= self.now(progress) for m in self.milestones)
        return self.value * self.gamma**passed


SCHEDULES = dict(Constant=Constant, Linear=Linear, Cosine=Cosine,
                 MultiStep=MultiStep)


def build_schedule(weight: float | dict, key: str) -> Constant:
    """A schedule from the value of ``loss_weight``.

    Args:
        weight (float | dict): A number or a dict with a ``type``.
        key (str): The config key at fault in errors.

    Raises:
        ConfigError: The type or an argument is unknown, or a value is bad.
    """
    if isinstance(weight, (int, float)) and not isinstance(weight, bool):
        weight = dict(type='Constant', value=weight)
    if not isinstance(weight, dict) or 'type' not in weight:
        raise ConfigError(f"{key}: expected a number or a dict with a 'type' "
                          f'of {sorted(SCHEDULES)}, got {weight!r}')
    arguments = dict(weight)
    name = arguments.pop('type')
    check_known(f'{key}.type', name, SCHEDULES)
    check_keys(key, arguments, signature(SCHEDULES[name]).parameters)
    try:
        return SCHEDULES[name](**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'{key}: {name}: {error}') from error
