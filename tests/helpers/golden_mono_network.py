"""The network of the golden numbers, built of our parts."""
import torch
from mmengine.registry import init_default_scope

from mmxkd.mono3d import DLAUpNeck, MonoDLANet, MonoRoIHead
from mmxkd.mono3d.mean_sizes import MEAN_SIZES

#: In the order of the original classes.
SIZES = [MEAN_SIZES[n] for n in ('Pedestrian', 'Car', 'Cyclist')]


class Network(torch.nn.Module):
    """Backbone, neck and head in double precision."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        init_default_scope('mmdet3d')
        self.backbone = MonoDLANet(out_indices=range(6))
        self.neck = DLAUpNeck()
        self.head = MonoRoIHead(depth=kind, mean_sizes=SIZES,
                                projection='by_z')
        self.double()
        # As the published checkpoints: a parameter in single precision.
        depth = self.head.roi_branch.depth
        depth.mean_size.data = depth.mean_size.float()

    def layers(self) -> dict[str, torch.nn.Module]:
        """By their names in the original files."""
        found = {}
        for name, layer in self.named_modules():
            start, _, rest = name.partition('.')
            if start == 'backbone':
                rest = rest.replace('norm1', 'bn1').replace('norm2', 'bn2')
                name = f'backbone.{rest.replace("root.norm", "root.bn")}'
            elif start == 'neck':
                name = f'feat_up.{rest}'
            elif rest.startswith('roi_branch.depth.'):
                name = rest.removeprefix('roi_branch.depth.')
            else:
                name = rest.removeprefix('roi_branch.')
            found[name] = layer
        return found
