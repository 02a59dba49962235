"""What a monocular 3-D detector sees: a picture, depth, or both."""
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor
from torch import Tensor

from mmxkd.errors import ConfigError, check_known, check_number, did_you_mean
from mmxkd.registry import MODELS

MODALITIES = ('img', 'depth')
#: Name → (mean, std) of depth / 80 m. MonoSKD's maps are divided by 256 once
#: more; MonoDistill's mean and std do not fit values in [0, 1].
DEPTH_NORMS = dict(plain=(0., 1.), monoskd=(0., 256.),
                   monodistill=(8.765, 11.275))
NEAREST, FARTHEST = 2., 80.


@MODELS.register_module()
class Mono3DDataPreprocessor(Det3DDataPreprocessor):
    """mmdet3d's ``Det3DDataPreprocessor`` with a choice of modalities.

    So a teacher that sees depth is trained, tested and distilled with the
    same batches as a student that sees pictures. Depth is

    .. math:: x = (d\\, s / 80 - m) / \\sigma

    with s the size of the crop over the picture's (``aug_scale`` of the meta
    information): an enlarged scene seems nearer. It is repeated to as many
    channels as a picture has, so that the same weights load. Or, as
    ``'bins'``, depth is shared out between the two nearest of N depths in
    [2, 80] m, evenly spaced in log depth, each of which has a channel. Batch
    norm scales a value by its batch, but not the channel that it lies in.

    Args:
        modalities (Sequence[str]): Of ``'img'`` and ``'depth'``, in the
            order of the channels.
        depth_norm (str): m and :math:`\\sigma`: ``'plain'`` (0, 1),
            ``'monoskd'`` (0, 256) or ``'monodistill'`` (8.765, 11.275); or
            ``'bins'``. A teacher trained with one is useless under another.
        depth_channels (int): How often depth is repeated; N of ``'bins'``.
        mean, std (Sequence[float], optional): Of the picture, 0..255.
        **kwargs: Of mmdet3d's ``Det3DDataPreprocessor``.

    Raises:
        ConfigError: A name is unknown, or given twice, or a number is out of
            range.
    """

    def __init__(self, modalities: Sequence[str] = ('img', ),
                 depth_norm: str = 'plain', depth_channels: int = 3,
                 mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None, **kwargs: Any) -> None:
        if (mean is None) != (std is None) or not np.all(
                np.asarray(1 if std is None else std, float) > 0):
            raise ConfigError(f'Mono3DDataPreprocessor: mean={mean}, std={std}'
                              '; expected both or neither, and std above 0')
        super().__init__(mean=mean, std=std, **kwargs)
        if isinstance(modalities, str) or not modalities or len(
                set(modalities)) < len(modalities):
            raise ConfigError(f'Mono3DDataPreprocessor: modalities='
                              f'{modalities!r}, expected a list of names of '
                              f'{MODALITIES}, each once')
        for name in modalities:
            check_known('Mono3DDataPreprocessor: modality', name, MODALITIES)
        check_known('Mono3DDataPreprocessor: depth_norm', depth_norm,
                    (*DEPTH_NORMS, 'bins'))
        check_number('Mono3DDataPreprocessor: depth_channels', depth_channels,
                     2 if depth_norm == 'bins' else 1, whole=True)
        self.modalities = tuple(modalities)
        self.depth_norm, self.depth_channels = depth_norm, depth_channels

    def forward(
            self,
            data: dict,  # type: ignore[override]
            training: bool = False) -> dict:
        """Normalise and stack what the model sees.

        Args:
            data (dict): ``inputs``: a list, or a stack, of (C, H, W) per
                modality; ``data_samples``.
            training (bool): Whether batch augmentations are run.

        Returns:
            dict: ``inputs``: ``dict(imgs=(N, C, H, W))``; ``data_samples``.

        Raises:
            ConfigError: The batch does not hold what the model sees.
        """
        data = self.cast_data(data)
        views = [self._view(name, data) for name in self.modalities]
        for parts in zip(*views, strict=True):
            sizes = [tuple(part.shape[-2:]) for part in parts]
            if len(set(sizes)) > 1:
                raise ConfigError(
                    f'this model sees {self.modalities}, but they have the '
                    f'sizes {sizes}: one draw has to move all of them')
        stacked = [torch.cat(parts) for parts in zip(*views, strict=True)]
        return super().forward({**data, 'inputs': dict(img=stacked)}, training)

    def preprocess_img(self, _batch_img: Tensor) -> Tensor:
        """(C, H, W): normalised already, each modality by its own rule."""
        return _batch_img

    def _view(self, name: str, data: Mapping[str, Any]) -> list[Tensor]:
        inputs = data['inputs']
        if name not in inputs:
            raise ConfigError(
                f'this model sees {self.modalities}, but the batch has no '
                f'{name!r}: load it, and add it to the keys of '
                'mmxkd.Pack3DDetInputs; ' + did_you_mean(name, inputs))
        if name == 'img':
            return [
                super(Mono3DDataPreprocessor, self).preprocess_img(image)
                for image in inputs['img']
            ]
        samples = data.get('data_samples') or [None] * len(inputs['depth'])
        return [
            self._depth(depth, sample)
            for depth, sample in zip(inputs['depth'], samples, strict=True)
        ]

    def _depth(self, depth: Tensor, sample: Any) -> Tensor:
        """(depth_channels, H, W) of (1, H, W) metres."""
        meta = {} if sample is None else sample.metainfo
        if 'trans_mat' in meta and 'aug_scale' not in meta:
            raise ConfigError(
                f'{meta.get("img_path", "a sample")}: its meta information '
                "has a trans_mat and no 'aug_scale', by which depth is "
                'scaled: add it to the meta_keys of mmxkd.Pack3DDetInputs')
        scale = meta.get('aug_scale', 1.0)
        metres = depth.float() * scale
        if self.depth_norm == 'bins':
            return depth_in_bins(metres, self.depth_channels)
        mean, std = DEPTH_NORMS[self.depth_norm]
        found = (metres / FARTHEST - mean) / std
        return found.expand(self.depth_channels, -1, -1)


def depth_in_bins(metres: Tensor, number: int) -> Tensor:
    """Depth shared out between the two nearest of N depths.

    Args:
        metres (Tensor): (1, H, W); 0 = no value.
        number (int): N, evenly spaced in log depth from 2 to 80 m.

    Returns:
        Tensor: (N, H, W) in [0, 1], with a sum of 1 where there is a value;
        what is nearer or farther is all in the first or the last.
    """
    near, far = math.log(NEAREST), math.log(FARTHEST)
    place = metres.clamp(NEAREST, FARTHEST).log().sub(near)
    place = place * ((number - 1) / (far - near))
    channels = torch.arange(number, device=metres.device)[:, None, None]
    shares = (1 - (place - channels).abs()).clamp(min=0)
    return shares * (metres > 0)
