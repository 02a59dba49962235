"""Several losses of the same features, behind one connector."""
import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS

from .base import DistillationLoss, Levels, MultiLevelLoss
from .common.precision import in_full_precision

WEIGHT = 'weight'
#: What a part may ask for.
SERVED = ('s_feature', 't_feature', 'batch_data_samples')


@MODELS.register_module()
class FeatureSumLoss(DistillationLoss):
    r"""The weighted sum of losses that read the same features.

    .. math:: L = \sum_k w_k L_k(S, T)

    Two losses that the config lists side by side have a connector each. The
    losses of MonoDistill and of MonoSKD share their adapters; so the gradient
    of all of them shapes one adapter. Each part is logged by its name.

    Args:
        parts (dict[str, dict]): Name → config of a
            :class:`.MultiLevelLoss`, with ``weight`` (default 1).

    Raises:
        ConfigError: There is no part, a weight is negative, or a part is not
            a loss of feature levels that needs features and boxes alone.
    """

    maps_only = True
    takes_levels = True

    def __init__(self, parts: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        if not parts:
            raise ConfigError('FeatureSumLoss: parts is empty')
        self.parts, self.weights = nn.ModuleDict(), {}
        for name, given in parts.items():
            options = dict(given)
            weight = options.pop(WEIGHT, 1.0)
            if not isinstance(weight, (int, float)) or not weight >= 0:
                raise ConfigError(f'FeatureSumLoss: parts.{name}.{WEIGHT}='
                                  f'{weight!r}, expected a number of 0 or '
                                  'more')
            self.weights[name] = float(weight)
            self.parts[name] = _build(f'FeatureSumLoss: parts.{name}', options)
        self.same_shape = any(part.same_shape
                              for part in self.parts.values())  # type: ignore
        self._logged: dict[str, Tensor] = {}

    @in_full_precision
    def forward(self, s_feature: Levels, t_feature: Levels,
                batch_data_samples: Sequence[Any] | None = None) -> Tensor:
        """The sum.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            batch_data_samples (Sequence, optional): Ground-truth boxes, for
                parts that ask for them.
        """
        served = dict(s_feature=s_feature, t_feature=t_feature,
                      batch_data_samples=batch_data_samples)
        found = {
            name: part(**{key: served[key] for key in _arguments(part)})
            for name, part in self.parts.items()
        }
        self._logged = {name: value.detach() for name, value in found.items()}
        return torch.stack([
            self.weights[name] * value for name, value in found.items()
        ]).sum()

    def terms(self, values: Mapping[str, Any],
              split: Collection[str]) -> tuple[Tensor, list[Tensor]]:
        """The sum; its parts are metrics."""
        total = self(**values)
        return total, [total]

    def metrics(self) -> dict[str, Tensor]:
        """Each part, without its weight."""
        return dict(self._logged)


def _arguments(part: Any) -> list[str]:
    return list(inspect.signature(part.called()).parameters)


def _build(key: str, options: dict[str, Any]) -> MultiLevelLoss:
    kind = options.get('type')
    if isinstance(kind, str) and MODELS.get(f'mmxkd.{kind}') is not None:
        options['type'] = f'mmxkd.{kind}'
    try:
        part: Any = MODELS.build(options)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'{key}: {error}') from error
    if not isinstance(part, MultiLevelLoss) or part.replaces_connectors:
        raise ConfigError(f'{key}: {type(part).__name__} is not a loss of '
                          'feature levels')
    strange = sorted(set(_arguments(part)) - set(SERVED))
    if strange:
        raise ConfigError(f'{key}: {type(part).__name__} asks for {strange}; '
                          f'a part can read {SERVED} alone')
    return part
