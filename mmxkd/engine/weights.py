"""Loading a teacher, or refusing to: a teacher is never silently random."""
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmxkd.errors import ConfigError, did_you_mean

from .meaning import Meaning, meaning_of_checkpoint

# Common wrappers around the weights of a detector.
_PREFIXES = ('module.', 'student.', 'teacher.', 'architecture.', 'model.',
             'detector.', 'ema_model.module.')


@dataclass
class LoadReport:
    """What fits between a model and a checkpoint.

    Attributes:
        path (str): The file.
        matched, missing, unexpected, mismatched (list[str]): Names of the
            weights; mismatched ones have another shape.
        hint (str): What would make more of them match.
        meaning (Meaning): What the file says of classes and inputs.
    """
    path: str
    matched: list[str]
    missing: list[str]
    unexpected: list[str]
    mismatched: list[str]
    hint: str = ''
    meaning: Meaning = field(default_factory=Meaning)

    @property
    def fits(self) -> bool:
        """Whether every weight of the model and of the file has a place."""
        return bool(self.matched) and not (self.missing or self.unexpected
                                           or self.mismatched)

    def __str__(self) -> str:
        lines = [
            f'{self.path}: {len(self.matched)} weights match, '
            f'{len(self.missing)} missing, {len(self.unexpected)} '
            f'unexpected, {len(self.mismatched)} of another shape'
        ]
        for title in ('missing', 'unexpected', 'mismatched'):
            names = getattr(self, title)
            if names:
                more = ', …' if len(names) > 10 else ''
                lines.append(f'  {title}: ' + ', '.join(names[:10]) + more)
        if self.hint:
            lines.append(f'  {self.hint}')
        return '\n'.join(lines)


def read_weights(path: str | os.PathLike,
                 prefix: str = '') -> dict[str, Tensor]:
    """The weights in a checkpoint file, as plain names and tensors.

    Those of a distiller (``distiller.*``) are left out, so that a distilled
    student can teach in turn.

    Args:
        path (str | os.PathLike): A file or URL that mmengine can load, or a
            work directory, whose best checkpoint is taken.
        prefix (str): Keep only names that start so, and cut it off.

    Raises:
        ConfigError: There is no such file, no weights in it, or none with
            that prefix.
    """
    return weights_in(read_checkpoint(path), str(path), prefix)


def read_checkpoint(path: str | os.PathLike) -> Any:
    """The content of a checkpoint file, or of the best one of a folder.

    Raises:
        ConfigError: There is no such file, or it cannot be read.
    """
    path = os.fspath(path)
    if Path(path).is_dir():
        path = best_in(path)
    if '://' not in path and not Path(path).is_file():
        folder = Path(path).parent
        near = [str(p) for p in folder.glob('*.pth')
                ] or [str(p) for p in folder.parent.glob('*/*.pth')]
        raise ConfigError(f'teacher checkpoint {path!r} does not exist; '
                          + did_you_mean(path, near))
    return CheckpointLoader.load_checkpoint(path, map_location='cpu')


def weights_in(content: Any, path: str, prefix: str = '') -> dict[str, Tensor]:
    """The weights in the content of a checkpoint; see :func:`read_weights`.

    Raises:
        ConfigError: There are none, or none with that prefix, or one is not
            an ordinary tensor.
    """
    weights = content
    if isinstance(content, Mapping):
        weights = content.get('state_dict', content)
    if not isinstance(weights, Mapping):
        raise ConfigError(
            f'{path}: holds a {type(weights).__name__}; expected '
            "a state dict, or a dict with the key 'state_dict'")
    weights = {
        str(name).removeprefix('module.'): value
        for name, value in weights.items() if isinstance(value, Tensor)
    }
    if not weights:
        raise ConfigError(f'{path}: no weights in this file; expected a '
                          "state dict, or a dict with the key 'state_dict'")
    for name, value in weights.items():
        if value.layout is not torch.strided or value.is_meta or (
                value.is_quantized):
            kind = 'without data' if value.is_meta else f'of {value.layout}'
            raise ConfigError(f'{path}: {name} is a tensor {kind}; expected '
                              'ordinary (strided) tensors')
    if prefix:
        prefix = prefix.rstrip('.') + '.'
        if not any(name.startswith(prefix) for name in weights):
            known = {name.partition('.')[0] + '.' for name in weights}
            raise ConfigError(f'{path}: no weight starts with prefix='
                              f'{prefix!r}; ' + did_you_mean(prefix, known))
    return {
        name.removeprefix(prefix): value for name, value in weights.items()
        if name.startswith(prefix) and not name.startswith('distiller.')
    }


def best_in(folder: str) -> str:
    """The best checkpoint of a work directory.

    Raises:
        ConfigError: There is none, or there are several to choose from.
    """
    found = sorted(Path(folder).glob('best_*.pth'))
    if len(found) == 1:
        return str(found[0])
    others = sorted(str(p) for p in Path(folder).glob('*.pth'))
    raise ConfigError(
        f'teacher checkpoint {folder!r}: expected one best_*.pth in this '
        f'folder, found {len(found)}; name one of {others[-10:]}')


def compare(model: nn.Module, weights: dict[str, Tensor],
            path: str) -> LoadReport:
    """Compare names and shapes of a model and of a file."""
    return compare_weights(model.state_dict(), weights, path)


def compare_weights(own: Mapping[str, Tensor], weights: dict[str, Tensor],
                    path: str) -> LoadReport:
    """The same for weights of a model, or of a part of it."""
    report = LoadReport(path, [], [], [], [])
    for name, value in own.items():
        if name not in weights:
            if not name.endswith('num_batches_tracked'):
                report.missing.append(name)
        elif weights[name].shape != value.shape:
            report.mismatched.append(
                f'{name} {tuple(weights[name].shape)} in the file, '
                f'{tuple(value.shape)} in the model')
        else:
            report.matched.append(name)
    report.unexpected = [name for name in weights if name not in own]
    if report.missing and report.unexpected:
        report.hint = _nearest_prefix(set(own), set(weights),
                                      len(report.matched))
    return report


def _nearest_prefix(own: set, given: set, matched: int) -> str:
    """A prefix that, cut off the names of the file, makes them match."""
    candidates = {name[:name.find('.') + 1] for name in given if '.' in name}
    best, best_count = '', matched
    for prefix in sorted(candidates.union(_PREFIXES)):
        count = sum(
            name.removeprefix(prefix) in own for name in given
            if name.startswith(prefix))
        if count > best_count:
            best, best_count = prefix, count
    if best:
        return (f'{best_count} weights match without the prefix {best!r}: '
                f"set prefix={best!r} beside 'checkpoint'")
    return ''


def load_teacher(model: nn.Module, path: str, name: str, strict: bool = True,
                 prefix: str = '') -> LoadReport:
    """Fill a teacher with its weights.

    Args:
        model (nn.Module): The teacher.
        path (str): Its checkpoint.
        name (str): Its name in messages.
        strict (bool): Refuse a file that does not fit completely. False is
            the explicit opt-out; the report is logged as a warning then.
        prefix (str): Prefix to cut off the names of the file.

    Returns:
        LoadReport: What was matched, missing and unexpected.

    Raises:
        ConfigError: The file does not fit, or holds NaN or infinite weights.
    """
    content = read_checkpoint(path)
    weights = weights_in(content, str(path), prefix)
    report = compare(model, weights, str(path))
    report.meaning = meaning_of_checkpoint(content)
    own = model.state_dict()
    # Only what has a place: a tensor of another shape may be too large to
    # look at.
    faults = [
        f'{reason}: {key}' for key in report.matched
        if (reason := _fault(key, weights[key], own[key]))
    ]
    if faults:
        more = f' and {len(faults) - 10} more' if faults[10:] else ''
        raise ConfigError(f'teacher {name!r}: {path} holds weights that are '
                          + ', '.join(faults[:10]) + more)
    if not report.fits:
        text = f'teacher {name!r} and its checkpoint do not fit.\n{report}'
        if strict:
            raise ConfigError(
                f'{text}\n  A teacher that is partly random teaches noise. '
                f'If this is meant, set strict=False in teachers.{name}.')
        print_log(text, logger='current', level=30)
    model.load_state_dict({k: weights[k] for k in report.matched},
                          strict=False)
    print_log(f'teacher {name!r}: {report}', logger='current')
    return report


def _fault(key: str, value: Tensor, own: Tensor) -> str:
    """Why a weight cannot be one; empty where it can."""
    if own.is_floating_point() and not value.is_floating_point():
        return f'{value.dtype} instead of {own.dtype}'
    if not value.is_floating_point():
        return ''
    if not torch.isfinite(value).all():
        return 'not finite'
    if key.endswith('running_var') and (value < 0).any():
        return 'variances below 0'
    return ''
