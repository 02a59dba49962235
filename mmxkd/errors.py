"""Errors that say what was expected and offer the nearest name.

Every message of the package is built from two questions: *where* (a file, a
config key, a layer) and *what was expected there*.
"""
import difflib
import math
import os
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any


class ConfigError(ValueError):
    """A config asks for something that cannot be built."""


class CheckpointError(ValueError):
    """A checkpoint is damaged, unsafe, or does not fit. Names the file."""


class NonFiniteLossError(FloatingPointError):
    """A loss is NaN or infinite; the optimizer step was not taken.

    Args:
        losses (dict[str, float]): The losses at fault.
        samples (list[str]): Ids of the samples in the batch.
        iteration (int): Iterations done before.
    """

    def __init__(self, losses: dict[str, float], samples: Sequence[str],
                 iteration: int) -> None:
        self.losses, self.samples = losses, list(samples)
        self.iteration = iteration
        super().__init__(losses, self.samples, iteration)

    def __str__(self) -> str:
        shown = ', '.join(f'{k} = {v}' for k, v in self.losses.items())
        return (f'iteration {self.iteration}: {shown}; the step was not '
                f'taken. Samples of this batch: {", ".join(self.samples)}')


class CorruptSampleError(ValueError):
    """A file of a data set cannot be used.

    Args:
        path (str): The file at fault.
        modality (str): What it should hold, e.g. ``'gated'``.
        reason (str): What is wrong with it.
    """

    def __init__(self, path: str | os.PathLike, modality: str,
                 reason: str) -> None:
        self.path, self.modality, self.reason = str(path), modality, reason
        # All three stay in ``args``: the error must survive being pickled
        # by a data-loader worker.
        super().__init__(self.path, modality, reason)

    def __str__(self) -> str:
        return f'{self.modality}: {self.path}: {self.reason}'


def nearest_names(name: str, known: Iterable[str], n: int = 5,
                  least: float = 0.4) -> list[str]:
    """The ``n`` names of ``known`` that look most like ``name``.

    Upper and lower case count as equal, and so do ``.``, ``/`` and ``_``.
    Names that are less alike than ``least``, 0 to 1, are left out.

    Examples:
        >>> nearest_names('backbone.layer5', ['neck', 'backbone.layer4'], 1)
        ['backbone.layer4']
    """

    def fold(text: str) -> str:
        return text.lower().replace('/', '.').replace('_', '.')

    wanted = fold(name)
    scored = sorted(
        ((difflib.SequenceMatcher(None, wanted, fold(k)).ratio(), k)
         for k in set(known)), key=lambda pair: (-pair[0], pair[1]))
    return [k for score, k in scored[:n] if score >= least]


def did_you_mean(name: str, known: Iterable[str], n: int = 5) -> str:
    """A sentence that offers the nearest names, or lists some known ones.

    Examples:
        >>> did_you_mean('nek', ['neck', 'backbone'])
        "did you mean 'neck'?"
    """
    known = sorted(set(known))
    near = nearest_names(name, known, n)
    if near:
        return 'did you mean ' + ', '.join(repr(k) for k in near) + '?'
    if not known:
        return 'there is none to choose from'
    shown = ', '.join(repr(k) for k in known[:12])
    return 'known: ' + shown + (', …' if len(known) > 12 else '')


def check_known(what: str, value: object, known: Iterable[object]) -> None:
    """Raise where a value is none of the known ones.

    Args:
        what (str): What the value is of, e.g. ``'CWDLoss: mode'``.
        value: What was given.
        known (Iterable): What may be given.

    Raises:
        ConfigError: It lists the known ones, the nearest first of all.

    Examples:
        >>> check_known('teachers.big.dtype', 'fp8', ['fp32', 'fp16'])
        Traceback (most recent call last):
        ...
        mmxkd.errors.ConfigError: teachers.big.dtype='fp8', expected one of \
('fp32', 'fp16'); did you mean 'fp16', 'fp32'?
    """
    known = tuple(known)
    if value in known:
        return
    message = f'{what}={value!r}, expected one of {known}'
    names = [name for name in known if isinstance(name, str)]
    if isinstance(value, str) and nearest_names(value, names):
        message += '; ' + did_you_mean(value, names)
    raise ConfigError(message)


def check_keys(where: str, given: Iterable[object],
               known: Iterable[str]) -> None:
    """Raise where a dict of the config has a key that nobody reads.

    Args:
        where (str): The dict, e.g. ``'teachers.big'``.
        given (Iterable): Its keys.
        known (Iterable[str]): The keys that are read.

    Raises:
        ConfigError: It names the key and offers the nearest ones.

    Examples:
        >>> check_keys('teachers.big', ['cfgs'], ['cfg', 'dtype'])
        Traceback (most recent call last):
        ...
        mmxkd.errors.ConfigError: teachers.big.cfgs is unknown; did you \
mean 'cfg'?
    """
    known = tuple(known)
    for key in given:
        if key not in known:
            raise ConfigError(f'{where}.{key} is unknown; '
                              + did_you_mean(str(key), known))


def check_name(kind: str, name: object, known: Iterable[str],
               where: str = '') -> None:
    """Raise where a name is not among the known ones.

    Args:
        kind (str): What it is the name of, e.g. ``'split'``.
        name: What was given.
        known (Iterable[str]): What there is.
        where (str): A file or a key, in front of the message.

    Raises:
        ConfigError: It offers the nearest names.

    Examples:
        >>> check_name('split', 'valid', ['train', 'val'])
        Traceback (most recent call last):
        ...
        mmxkd.errors.ConfigError: unknown split 'valid'; did you mean 'val', \
'train'?
    """
    known = tuple(known)
    if name not in known:
        prefix = f'{where}: ' if where else ''
        raise ConfigError(f'{prefix}unknown {kind} {name!r}; '
                          + did_you_mean(str(name), known))


def check_number(what: str, value: object, least: float = -math.inf,
                 most: float = math.inf, *, above: float | None = None,
                 below: float | None = None, whole: bool = False) -> None:
    """Raise where a value is not a finite number within its limits.

    Args:
        what (str): What the value is of, e.g. ``'MixAudio: prob'``.
        value: What was given.
        least (float): It may be this, and not less.
        most (float): It may be this, and not more.
        above (float, optional): It must be more than this.
        below (float, optional): It must be less than this.
        whole (bool): Whether it must be an integer.

    Raises:
        ConfigError: It names the value and the limits.

    Examples:
        >>> check_number('LogMel: hop', 1.5, 1, whole=True)
        Traceback (most recent call last):
        ...
        mmxkd.errors.ConfigError: LogMel: hop=1.5, expected a whole number \
of 1 or more
    """
    kind = Integral if whole else Real
    number: Any = value
    if (isinstance(value, kind) and not isinstance(value, bool)
            and math.isfinite(number) and least <= number <= most
            and (above is None or number > above)
            and (below is None or number < below)):
        return
    ends = [f'above {above:g}' if above is not None else f'from {least:g}']
    if below is not None:
        ends.append(f'to below {below:g}')
    elif math.isfinite(most):
        ends.append(f'to {most:g}')
    elif above is None:
        ends = [f'of {least:g} or more']
    if above is None and not math.isfinite(least):
        ends = ['that is finite']
    raise ConfigError(f'{what}={value!r}, expected a '
                      f'{"whole " * whole}number {" ".join(ends)}')


def check_size(what: str, value: object) -> None:
    """Raise where a value is not a height and a width in pixels.

    Examples:
        >>> check_size('LoadMultiChannelAudio: frame', 768)
        Traceback (most recent call last):
        ...
        mmxkd.errors.ConfigError: LoadMultiChannelAudio: frame=768, expected \
height and width, two whole numbers above 0
    """
    if (not isinstance(value, Sequence) or len(value) != 2
            or any(not isinstance(n, Integral) or isinstance(n, bool) or n < 1
                   for n in value)):
        raise ConfigError(f'{what}={value!r}, expected height and width, two '
                          'whole numbers above 0')


def is_range(value: object) -> bool:
    """Whether a value is two finite numbers, the second not below the first.

    Examples:
        >>> is_range((1, 2)), is_range((2, 1)), is_range(1), is_range('ab')
        (True, False, False, False)
    """
    return (isinstance(value, Sequence) and len(value) == 2
            and all(isinstance(n, Real) and math.isfinite(n) for n in value)
            and value[0] <= value[1])
