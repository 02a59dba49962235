"""The view that one detector has of a sample with several modalities."""
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from mmdet.models.data_preprocessors import DetDataPreprocessor
from torch import Tensor

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.modalities import MODALITIES, present
from mmxkd.registry import MODELS

#: A batch of one modality, collated (N, C, H, W) or not.
Batch: TypeAlias = Tensor | list[Tensor]


@MODELS.register_module()
class ModalityDetDataPreprocessor(DetDataPreprocessor):
    """mmdet's ``DetDataPreprocessor`` for any modalities and channel count.

    Picks the modalities that the model sees, brings each to 0..255, stacks
    their channels in the order of ``modalities``, normalises, pads and runs
    the batch augmentations. All but the first three steps are mmdet's code.
    Student and teacher each have one of their own, and so read the same
    batch differently.

    Args:
        modalities (Sequence[str]): What the model sees, in stack order.
        mean (Sequence[float], optional): One number per channel of the
            stack, in units of 0..255. Neither ``mean`` nor ``std``: not
            normalised.
        std (Sequence[float], optional): Likewise.
        max_value (dict[str, float], optional): The value of a modality that
            counts as 255, such as ``dict(gated=1023)`` for 10 bits. A
            modality that is not named is taken as it is.
        channels (dict[str, int], optional): Channels of each modality, where
            they are not those of :mod:`mmxkd.modalities`.
        **kwargs: Of mmdet's ``DetDataPreprocessor``. ``bgr_to_rgb`` and
            ``rgb_to_bgr`` act on the modalities that are in colour: ``img``;
            ``pad_value`` is filled in after normalisation.

    Raises:
        ConfigError: Modalities, channels and ``mean`` do not fit together;
            there is no modality, or one twice; a number is NaN or infinite,
            or what is divided by is not above 0; or a batch does not hold
            what the model sees.
    """

    def __init__(self, modalities: Sequence[str] = ('img', 'gated'),
                 mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None,
                 max_value: dict[str, float] | None = None,
                 channels: dict[str, int] | None = None, **kwargs) -> None:
        # mmengine takes a mean of 1 or 3 numbers only, and would swap the
        # colours of the whole stack: both are done here in its place.
        super().__init__(**kwargs)
        swap = self._channel_conversion  # type: ignore[has-type]
        self._swap_colours: bool = swap
        self._channel_conversion = False
        self.modalities = _distinct(modalities)
        self.max_value = dict(max_value or {})
        for key, value in self.max_value.items():
            _check_number(f'max_value[{key!r}]', value, above_zero=True)
        self.channels = self._resolve_channels(channels or {})
        self._colours = {
            m.name for m in present(self.modalities) if m.in_colour
        }
        if mean is not None or std is not None:
            self._register_statistics(mean or [], std or [])

    def _resolve_channels(self, channels: dict[str, int]) -> dict[str, int]:
        known = {
            m.name: m.channels for m in MODALITIES.values()
            if m.channels is not None
        }
        known.update(channels)
        for key in [*channels, *self.max_value]:
            if key not in self.modalities:
                raise ConfigError(
                    f'data_preprocessor: {key!r} is not in modalities; '
                    + did_you_mean(key, self.modalities))
        for key in self.modalities:
            if key not in known:
                raise ConfigError(
                    f'data_preprocessor: how many channels has {key!r}? Say '
                    f'channels=dict({key}=…); ' + did_you_mean(key, known))
            if type(known[key]) is not int or known[key] < 1:
                raise ConfigError(
                    f'data_preprocessor: channels[{key!r}]={known[key]!r}, '
                    'expected a whole number above 0')
        return {key: known[key] for key in self.modalities}

    def _register_statistics(self, mean: Sequence[float],
                             std: Sequence[float]) -> None:
        total = sum(self.channels.values())
        if not len(mean) == len(std) == total:
            raise ConfigError(
                f'data_preprocessor: modalities {self.modalities} have '
                f'{self.channels}, {total} channels in all, but mean has '
                f'{len(mean)} numbers and std {len(std)}')
        self._enable_normalize = True
        for name, numbers in (('mean', mean), ('std', std)):
            for index, number in enumerate(numbers):
                _check_number(f'{name}[{index}]', number,
                              above_zero=name == 'std')
            values = torch.tensor(numbers, dtype=torch.float32)
            self.register_buffer(name, values.view(-1, 1, 1), False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Turn a batch into the input of the model.

        Args:
            data (dict): ``inputs``: ``{modality: list of (C, H, W)}``, or for
                a model that sees ``img`` alone that list itself, as mmdet's
                ``PackDetInputs`` leaves it; batched (N, C, H, W) tensors are
                taken as well. ``data_samples``: as in mmdet.
            training (bool): Whether batch augmentations are run.

        Returns:
            dict: ``inputs`` (N, C, H, W) float and ``data_samples``.
        """
        # To the device first: what is loaded is smaller than what is stacked.
        data = self.cast_data(data)
        stacked = self._stack_modalities(data['inputs'])
        return super().forward({**data, 'inputs': stacked}, training)

    def _stack_modalities(self, inputs: Batch | dict[str, Batch]) -> Batch:
        if not isinstance(inputs, dict):
            inputs = dict(img=inputs)
        views = [self._pick(inputs, key) for key in self.modalities]
        batched = [view for view in views if isinstance(view, Tensor)]
        if len(batched) == len(views):
            return torch.cat(batched, dim=1)
        return [torch.cat(parts) for parts in zip(*views, strict=True)]

    def _pick(self, inputs: dict, key: str) -> Batch:
        if key not in inputs:
            raise ConfigError(
                f'this model sees {self.modalities}, but the batch has no '
                f'{key!r}: load it and pack it with '
                'mmxkd.PackMultiModalInputs; ' + did_you_mean(key, inputs))
        if isinstance(inputs[key], Tensor):
            return self._scale(inputs[key], key)
        return [self._scale(tensor, key) for tensor in inputs[key]]

    def _scale(self, tensor: Tensor, key: str) -> Tensor:
        """Check the channels of (…, C, H, W) and bring them to 0..255."""
        found = tensor.shape[-3]
        if found != self.channels[key]:
            raise ConfigError(
                f'{key!r}: expected {self.channels[key]} channels, found '
                f'{found} (a tensor of {tuple(tensor.shape)})')
        if self._swap_colours and key in self._colours:
            tensor = tensor.flip(-3)
        tensor = tensor.float()
        if key in self.max_value:
            tensor = tensor * (255 / self.max_value[key])
        return tensor


def _distinct(modalities: Sequence[str]) -> tuple[str, ...]:
    if isinstance(modalities, str) or not modalities:
        raise ConfigError(f'data_preprocessor: modalities={modalities!r}, '
                          "expected names such as ('img', 'gated')")
    names = tuple(modalities)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f'data_preprocessor: modalities={names} names '
                          f'{", ".join(map(repr, twice))} more than once')
    return names


def _check_number(what: str, value: Any, above_zero: bool) -> None:
    """Inputs are divided by it, or shifted: NaN, 0 or Inf spoil them all."""
    good = (isinstance(value, (int, float)) and not isinstance(value, bool)
            and math.isfinite(value) and (value > 0 or not above_zero))
    if not good:
        expected = 'above 0' if above_zero else 'that is finite'
        raise ConfigError(f'data_preprocessor: {what}={value!r}, expected a '
                          f'number {expected}')
