"""New names for all tensors of a checkpoint; none is lost in silence."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mmxkd.errors import CheckpointError, did_you_mean

#: Of wrappers for several GPUs; cut off at the start of a name only.
WRAPPER = 'module.'
COUNTER = 'num_batches_tracked'
#: Where files hold the tensors, if not at their top.
PLACES = ('state_dict', 'model_state')


@dataclass(frozen=True)
class Converted:
    """What has become of a checkpoint.

    Attributes:
        state (dict[str, Tensor]): Under the names of the model.
        names (dict[str, str]): Old name → new name of what was used.
        dropped (tuple[str, ...]): Old names that the model has no place for,
            as the rules say.
        fresh (tuple[str, ...]): Names of the model that the file does not
            hold; they stay as initialised.
    """

    state: dict[str, Tensor]
    names: dict[str, str]
    dropped: tuple[str, ...] = ()
    fresh: tuple[str, ...] = field(default=())

    def summary(self) -> str:
        """A few lines: how many, and the names of what was left out."""
        lines = [f'used: {len(self.names)} tensors']
        for title, names in (('dropped', self.dropped), ('stay as initialised',
                                                         self.fresh)):
            shown = ', '.join(names) if names else 'none'
            lines.append(f'{title}: {len(names)} ({shown})')
        return '\n'.join(lines)


def state_of(content: Any, path: str) -> dict[str, Tensor]:
    """The tensors of a file, by name without the wrapper.

    Args:
        content: What the file holds: the tensors, or a dict with them under
            one of :data:`PLACES`.
        path (str): The file, for the error.

    Raises:
        CheckpointError: It holds something else, or two tensors of a name.
    """
    state = content
    for place in PLACES:
        if isinstance(content, Mapping) and place in content:
            state = content[place]
            break
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f'{path}: expected a dict of tensors, found '
                              f'{type(state).__name__}')
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(f'{path}: {name}: expected a tensor, found '
                                  f'{type(value).__name__}')
        short = str(name).removeprefix(WRAPPER)
        if short in found:
            raise CheckpointError(f'{path}: holds {short} twice, with and '
                                  f'without {WRAPPER!r} in front')
        found[short] = value
    return found


def rename(state: Mapping[str, Tensor], rule: Callable[[str], str | None],
           model: Mapping[str, Tensor], may_be_fresh: tuple[str, ...] = (),
           path: str = 'checkpoint') -> Converted:
    """Give every tensor its new name, and compare shapes with a model.

    Args:
        state (Mapping): Tensors by their old names.
        rule (Callable): Old name → new name, None for what is dropped. It
            raises :class:`KeyError` for a name that it does not know.
        model (Mapping): State of the model that the file is for.
        may_be_fresh (tuple[str, ...]): Prefixes of names of the model that
            the file need not hold.
        path (str): The file, for errors.

    Raises:
        CheckpointError: A tensor has a name that the rule does not know, or
            another shape than the model's, or the model has a tensor that
            the file lacks.
    """
    converted: dict[str, Tensor] = {}
    names: dict[str, str] = {}
    dropped = []
    for old, value in state.items():
        try:
            new = rule(old)
        except KeyError:
            raise CheckpointError(
                f'{path}: {old} {list(value.shape)} is left over: no part of '
                'the model has a place for it') from None
        if new is None:
            dropped.append(old)
            continue
        if new not in model:
            raise CheckpointError(
                f'{path}: {old} would be {new}, which the model does not '
                f'have; {did_you_mean(new, model)}')
        if value.shape != model[new].shape:
            raise CheckpointError(
                f'{path}: {old} has the shape {list(value.shape)}, but '
                f'{new} of the model {list(model[new].shape)}; has the model '
                'another number of classes, or another width?')
        converted[new], names[old] = value, new
    fresh = [name for name in model if name not in converted]
    for name in list(fresh):
        # Old files have no counters of batches; they count for nothing here.
        if name.endswith(COUNTER):
            converted[name] = torch.zeros_like(model[name])
            fresh.remove(name)
    lacking = [name for name in fresh
               if not name.startswith(may_be_fresh)] if may_be_fresh else fresh
    if lacking:
        raise CheckpointError(f'{path}: nothing in it becomes {lacking[0]}' + (
            f' (nor {len(lacking) - 1} more)' if lacking[1:] else ''))
    return Converted(converted, names, tuple(dropped), tuple(fresh))


def background_last(value: Tensor, classes: int) -> Tensor:
    """Move the background from the first to the last score of each prior.

    Published SSDs have it as class 0, mmdet's heads as the last.

    Args:
        value (Tensor): (A·(C + 1), …) weights or biases of a predictor.
        classes (int): C.

    Raises:
        ValueError: The number of channels is not a multiple of C + 1.

    Examples:
        >>> background_last(torch.tensor([0., 1., 2., 0., 1., 2.]), 2)
        tensor([1., 2., 0., 1., 2., 0.])
    """
    scores = classes + 1
    if len(value) % scores:
        raise ValueError(f'{len(value)} channels are not those of {classes} '
                         'classes and a background')
    return value.reshape(-1, scores,
                         *value.shape[1:]).roll(-1, 1).reshape(value.shape)
