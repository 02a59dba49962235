"""What a dry run tells of a loss: connectors, and what cannot be computed."""
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from mmxkd.errors import ConfigError

from .building import CHANNELS, build_part
from .connectors import LevelConnector

if TYPE_CHECKING:
    from .bound_loss import BoundLoss


def check_maps(levels: Sequence[Tensor], what: str) -> None:
    """Refuse what a loss of feature maps would take for one.

    Raises:
        ConfigError: A level is no (N, C, H, W) map.
    """
    for level in levels:
        if level.dim() != 4:
            raise ConfigError(f'{what} is {tuple(level.shape)}, no '
                              '(N, C, H, W) map')


def connectors_for(config: Mapping, student: Sequence[Tensor],
                   teacher: Sequence[Tensor], key: str) -> LevelConnector:
    """One connector a level, with the channels that its config leaves out.

    Raises:
        ConfigError: There are no channels to be read, or the connector
            cannot be built.
    """
    for levels in (student, teacher):
        check_maps(levels, f'{key}: state {CHANNELS}, since a level')
    return LevelConnector(
        build_part({'in_channels': s.shape[1], 'out_channels': t.shape[1]}
                   | dict(config), key)
        for s, t in zip(student, teacher, strict=True))


def rehearse(loss: 'BoundLoss', values: dict[str, Any],
             context: Mapping[str, Any], shared: Mapping[str, nn.Module],
             detector: str) -> None:
    """Compute a loss once, so that what does not fit is refused now.

    Args:
        loss (BoundLoss): The loss, with its connectors settled.
        values, context, shared: What its ``forward`` is called with.
        detector (str): Class of the student.

    Raises:
        ConfigError: The loss cannot be computed, and why.
    """
    module = loss.module
    # What a loss remembers of its calls shall not be of this one.
    loss.module = deepcopy(module)
    try:
        loss(values, context, shared)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f'{loss.key}: {type(module).__name__} cannot be computed from '
            f'{loss.address(0)} of {detector} in the dry run: {error}'
        ) from error
    finally:
        loss.module = module
