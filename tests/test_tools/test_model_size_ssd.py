"""The size of the full SSDLite, by our count and by another one."""
import torch
from mmengine.config import Config
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmxkd.engine.model_config import build_model
from mmxkd.engine.model_size import measure


def test_multiply_adds_with_and_without_the_rest(repo):
    """torch-pruning counts norms (twice), biases and activations too: 699.4 M.

    What it counts, measured with torch-pruning 1.6.1: 699,389,176.
    """
    cfg = Config.fromfile(repo / 'configs/ssd_kd/mb2-ssdlite_voc.py')
    model = build_model(cfg.model, 'mmdet').eval()
    rest = [0]

    def count(module, inputs, output):
        if isinstance(module, _BatchNorm):
            rest[0] += 2 * output.numel()
        elif isinstance(module, nn.ReLU6) or getattr(module, 'bias',
                                                     None) is not None:
            rest[0] += output.numel()

    for module in model.modules():
        if isinstance(module, (_BatchNorm, nn.ReLU6, nn.Conv2d)):
            module.register_forward_hook(count)
    found = measure(
        model, lambda: model.bbox_head(
            model.extract_feat(torch.zeros(1, 3, 300, 300))))
    assert found.parameters == 3_388_228
    assert found.macs == 660_828_976
    assert found.macs + rest[0] == 699_389_176
