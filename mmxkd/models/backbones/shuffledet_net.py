"""The backbone of ShuffleDet: ShuffleNet with a fine last map."""
from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, initialize
from torch import Tensor, nn

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS

#: Channels of the four groups, and of the last unit, at width 1.
CHANNELS = (240, 480, 960, 960, 768)
#: Units of the groups that halve the map.
DEPTHS = (4, 6, 4)
GROUPS = 3


class ShuffleUnit(BaseModule):
    """A bottleneck of grouped 1×1 convolutions with a shuffle between them.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output. The bottleneck has a
            quarter of them.
        stride (int): 1, or 2: then the pooled input is the first part of the
            output, and the branch gives the channels that are left.
        first_groups (int): Groups of the first 1×1 convolution.
        last_groups (int): Groups of the last one.
        shortcut (bool): With stride 1, whether the input is added.
        tf_same_padding (bool): See :class:`ShuffleDetNet`.
        norm_cfg (dict): Of all batch norms.
        where (str): Name of the unit, for messages.

    Raises:
        ConfigError: Channels that the groups do not divide, or a shortcut
            between maps of other widths.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1,
                 first_groups: int = GROUPS, last_groups: int = GROUPS,
                 shortcut: bool = True, tf_same_padding: bool = True,
                 norm_cfg: dict | None = None, where: str = 'unit') -> None:
        super().__init__()
        norm_cfg = norm_cfg or dict(type='BN')
        middle = out_channels // 4
        branch = out_channels - in_channels if stride == 2 else out_channels
        for what, channels, groups in (('its input has', in_channels,
                                        first_groups),
                                       ('a quarter of its output is', middle,
                                        GROUPS), ('its branch has', branch,
                                                  last_groups)):
            if channels <= 0 or channels % groups:
                raise ConfigError(
                    f'ShuffleDetNet: {where}: {what} {channels} channels, '
                    f'expected a multiple of {groups}; change width, channels '
                    'or stem_channels, or set first_expand_groups=1 for a '
                    'stem of 16 channels')
        if shortcut and stride == 1 and in_channels != out_channels:
            raise ConfigError(f'ShuffleDetNet: {where}: a shortcut from '
                              f'{in_channels} to {out_channels} channels')
        self.stride, self.shortcut = stride, shortcut
        self.tf_same_padding = tf_same_padding
        self.conv1 = ConvModule(in_channels, middle, 1, groups=first_groups,
                                norm_cfg=norm_cfg)
        same = tf_same_padding and stride == 2
        self.dconv = ConvModule(
            middle, middle, 3, stride=stride, padding=1, groups=middle,
            conv_cfg=dict(type='Conv2dAdaptivePadding') if same else None,
            norm_cfg=norm_cfg, act_cfg=None)
        self.conv2 = ConvModule(middle, branch, 1, groups=last_groups,
                                norm_cfg=norm_cfg, act_cfg=None)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W'), not negative."""
        branch = shuffle(self.conv1(x), GROUPS)
        branch = self.conv2(self.dconv(branch))
        if self.stride == 2:
            pooled = F.avg_pool2d(x, 3, 2, _padding(x, self.tf_same_padding),
                                  ceil_mode=self.tf_same_padding,
                                  count_include_pad=False)
            return torch.cat([pooled, F.relu(branch)], 1)
        return F.relu(x + branch if self.shortcut else branch)


def shuffle(x: Tensor, groups: int) -> Tensor:
    """Deal the channels of each group out to all groups.

    Examples:
        >>> x = torch.arange(6).reshape(1, 6, 1, 1)
        >>> shuffle(x, 3).flatten().tolist()
        [0, 2, 4, 1, 3, 5]
    """
    n, channels, height, width = x.shape
    x = x.reshape(n, groups, channels // groups, height, width)
    return x.transpose(1, 2).reshape(n, channels, height, width)


def _padding(x: Tensor, same: bool) -> tuple[int, int]:
    """Padding of a 3×3 pooling of stride 2.

    TensorFlow's SAME pads an even side by one cell at its end alone, which is
    PyTorch's ``ceil_mode`` without padding, and an odd side by one at both.
    """
    return (x.shape[-2] % 2, x.shape[-1] % 2) if same else (1, 1)


@MODELS.register_module()
class ShuffleDetNet(BaseModule):
    """ShuffleNet v1 with three groups, changed for detection.

    The stem has stride 1, there is no pooling at the end, and two units are
    added, of which the last changes the width and has no shortcut. So the
    last map has stride 16. It is not negative: what fine-grained imitation
    compares.

    ============== ====== ==================== ======================
    stage          stride units                channels at width 1
    ============== ====== ==================== ======================
    ``conv1``      1      3×3 convolution      ``stem_channels``
    (max pooling)  2
    ``group1``     4      4                    240
    ``group2``     8      6                    480
    ``group3``     16     4                    960
    ``added3``     16     2                    960, 768
    ============== ====== ==================== ======================

    Source: the network of the code of Wang et al., CVPR 2019, after Zhang et
    al., ShuffleNet, CVPR 2018.

    Args:
        width (float): Factor of all channels but those of the stem. The
            published teacher has 1, the students 0.5 and 0.25.
        stem_channels (int): 16 in the published teacher, 24 in the students.
        first_expand_groups (int): Groups of the last convolution in the
            first unit, 3 in the published students. The teacher has 1: its
            branch has 240 - 16 channels there.
        channels (Sequence[int]): At width 1: of the three groups and of the
            two added units.
        out_indices (Sequence[int]): Which of the outputs of ``group1``,
            ``group2``, ``group3`` and ``added3`` are returned, 0 to 3.
        tf_same_padding (bool): Pad layers of stride 2 as TensorFlow does, at
            the right and the bottom; needed for converted weights. False:
            one cell on each side, as in all other detectors.
        norm_cfg (dict): Of all batch norms.
        init_cfg (dict, optional): As in mmengine, after all weights are
            drawn: from normal distributions, cut off at two standard
            deviations, of variance 2 / inputs; a depthwise convolution counts
            the inputs of all its channels, as TensorFlow does.

    Attributes:
        base_channels (tuple[int, ...]): Channels at width 1, as published.
        groups (int): Of the grouped convolutions.

    Raises:
        ConfigError: An argument is out of range, or channels do not go with
            the groups.
    """
    base_channels = CHANNELS
    groups = GROUPS

    def __init__(self, width: float = 1.0, stem_channels: int = 24,
                 first_expand_groups: int = GROUPS,
                 channels: Sequence[int] = CHANNELS,
                 out_indices: Sequence[int] = (3, ),
                 tf_same_padding: bool = True, norm_cfg: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if len(channels) != len(CHANNELS):
            raise ConfigError(f'ShuffleDetNet: channels={tuple(channels)}, '
                              f'expected {len(CHANNELS)} numbers')
        if not out_indices or not set(out_indices) <= {0, 1, 2, 3}:
            raise ConfigError(f'ShuffleDetNet: out_indices={out_indices}, '
                              'expected some of 0, 1, 2, 3')
        norm_cfg = dict(norm_cfg or dict(type='BN'))
        self.out_indices = tuple(out_indices)
        self.tf_same_padding = tf_same_padding
        self.conv1 = ConvModule(3, stem_channels, 3, padding=1,
                                norm_cfg=norm_cfg)
        widths = [int(c * width) for c in channels]
        unit = partial(ShuffleUnit, tf_same_padding=tf_same_padding,
                       norm_cfg=norm_cfg)
        before = stem_channels
        for i, depth in enumerate(DEPTHS):
            units = []
            for j in range(depth):
                first = i == j == 0
                units.append(
                    unit(before, widths[i], stride=1 if j else 2,
                         first_groups=1 if first else GROUPS,
                         last_groups=first_expand_groups if first else GROUPS,
                         where=f'group{i + 1}.{j}'))
                before = widths[i]
            self.add_module(f'group{i + 1}', nn.Sequential(*units))
        self.added3 = nn.Sequential(
            unit(before, widths[3], where='added3.0'),
            unit(widths[3], widths[4], shortcut=False, where='added3.1'))

    def init_weights(self) -> None:
        """Draw the weights, then do what ``init_cfg`` says.

        So what a file of ``Pretrained`` lacks starts as without it.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                _init_like_tensorflow(module)
        if self.init_cfg is not None:
            # BaseModule's would let each ConvModule draw once more.
            initialize(self, self.init_cfg)
        self._is_init = True

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The maps of ``out_indices``.

        Args:
            x (Tensor): (N, 3, H, W).

        Returns:
            tuple[Tensor]: (N, C, H / s, W / s) each, rounded up.
        """
        x = self.conv1(x)
        x = F.max_pool2d(x, 3, 2, _padding(x, self.tf_same_padding),
                         ceil_mode=self.tf_same_padding)
        found = []
        for i, name in enumerate(('group1', 'group2', 'group3', 'added3')):
            x = self.get_submodule(name)(x)
            if i in self.out_indices:
                found.append(x)
        return tuple(found)


def _init_like_tensorflow(conv: nn.Conv2d) -> None:
    kernel = conv.weight[0, 0].numel()
    inputs = conv.in_channels // conv.groups
    if conv.groups == conv.in_channels:
        inputs = conv.in_channels
    # Cutting off a normal distribution at 2 leaves 0.8796 of its deviation.
    std = (2 / (inputs * kernel))**0.5 / 0.8796
    nn.init.trunc_normal_(conv.weight, std=std, a=-2 * std, b=2 * std)
