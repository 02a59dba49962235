"""Loading of torchvision's Faster R-CNN into mmdet's."""
import re

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.registry import HOOKS

#: Names in ``fasterrcnn_resnet50_fpn`` and in mmdet's ``FasterRCNN``. Newer
#: torchvision releases wrap a convolution in a block, hence the ``(\.0)?``.
RENAMED = (
    (r'backbone\.body\.(.*)', r'backbone.\1'),
    (r'backbone\.fpn\.inner_blocks\.(\d)(\.0)?\.(\w+)',
     r'neck.lateral_convs.\1.conv.\3'),
    (r'backbone\.fpn\.layer_blocks\.(\d)(\.0)?\.(\w+)',
     r'neck.fpn_convs.\1.conv.\3'),
    (r'rpn\.head\.conv(\.0\.0)?\.(\w+)', r'rpn_head.rpn_conv.\2'),
    (r'rpn\.head\.cls_logits\.(.*)', r'rpn_head.rpn_cls.\1'),
    (r'rpn\.head\.bbox_pred\.(.*)', r'rpn_head.rpn_reg.\1'),
    (r'roi_heads\.box_head\.fc6\.(.*)', r'roi_head.bbox_head.shared_fcs.0.\1'),
    (r'roi_heads\.box_head\.fc7\.(.*)', r'roi_head.bbox_head.shared_fcs.1.\1'),
)
#: The predictor counts the background as class 0 and mmdet as the last one.
DROPPED = r'roi_heads\.box_predictor\..*'


def from_torchvision(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of torchvision's Faster R-CNN for mmdet's.

    Both order anchors, deltas and flattened RoI features alike, so that
    names are all that differs; the box predictor is left out.

    Args:
        weights (dict[str, Tensor]): A torchvision state dict.

    Returns:
        dict[str, Tensor]: The same tensors under mmdet's names.

    Raises:
        ConfigError: A name is none of ``fasterrcnn_resnet50_fpn``.

    Examples:
        >>> list(from_torchvision({'backbone.fpn.inner_blocks.0.0.bias': 0}))
        ['neck.lateral_convs.0.conv.bias']
    """
    renamed = {}
    for name, tensor in weights.items():
        if re.fullmatch(DROPPED, name):
            continue
        for pattern, replacement in RENAMED:
            match = re.fullmatch(pattern, name)
            if match:
                renamed[match.expand(replacement)] = tensor
                break
        else:
            raise ConfigError(
                f'from_torchvision: {name!r} is not a weight of torchvision '
                'fasterrcnn_resnet50_fpn')
    return renamed


@HOOKS.register_module()
class TorchvisionWeightsHook(Hook):
    """Let ``load_from`` name torchvision's Faster R-CNN as it is published.

    A checkpoint with mmdet's names passes unchanged.
    """

    # Ahead of StemInitHook, which looks for mmdet's names.
    priority = 'ABOVE_NORMAL'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if any(name.startswith('backbone.body.') for name in checkpoint):
            renamed = from_torchvision(checkpoint)
            checkpoint.clear()
            checkpoint['state_dict'] = renamed
