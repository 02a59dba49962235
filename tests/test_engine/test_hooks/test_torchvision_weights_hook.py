from types import SimpleNamespace

import pytest
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.engine.hooks import TorchvisionWeightsHook, from_torchvision
from mmxkd.errors import ConfigError


def torchvision_names(block=''):
    """The names of ``fasterrcnn_resnet50_fpn_coco``, written out by hand.

    ``block`` is what newer releases put between a layer and its weight.
    """
    norm = ('weight', 'bias', 'running_mean', 'running_var')
    names = ['backbone.body.conv1.weight']
    names += [f'backbone.body.bn1.{n}' for n in norm]
    for stage, depth in enumerate((3, 4, 6, 3), 1):
        for index in range(depth):
            prefix = f'backbone.body.layer{stage}.{index}'
            for conv in (1, 2, 3):
                names.append(f'{prefix}.conv{conv}.weight')
                names += [f'{prefix}.bn{conv}.{n}' for n in norm]
            if index == 0:
                names.append(f'{prefix}.downsample.0.weight')
                names += [f'{prefix}.downsample.1.{n}' for n in norm]
    layers = [
        f'backbone.fpn.{kind}.{level}{block}'
        for kind in ('inner_blocks', 'layer_blocks') for level in range(4)
    ]
    layers += [
        'rpn.head.conv' + 2 * block, 'rpn.head.cls_logits',
        'rpn.head.bbox_pred', 'roi_heads.box_head.fc6',
        'roi_heads.box_head.fc7', 'roi_heads.box_predictor.cls_score',
        'roi_heads.box_predictor.bbox_pred'
    ]
    return names + [f'{x}.{n}' for x in layers for n in ('weight', 'bias')]


@pytest.mark.parametrize('block', ['', '.0'])
def test_names_cover_mmdets_detector(block):
    cfg = Config.fromfile('configs/cmkd/fog_baseline.py')
    init_default_scope('mmdet')
    ours = {
        name for name in MODELS.build(cfg.model).state_dict()
        if not name.endswith('num_batches_tracked') and '.fc_cls.' not in name
        and '.fc_reg.' not in name
    }
    names = torchvision_names(block)
    renamed = from_torchvision({name: name for name in names})
    assert set(renamed) == ours
    assert len(names) == 295
    assert renamed['backbone.layer3.5.bn2.running_var'] == (
        'backbone.body.layer3.5.bn2.running_var')
    assert renamed['roi_head.bbox_head.shared_fcs.1.bias'] == (
        'roi_heads.box_head.fc7.bias')


def test_hook_renames_only_torchvisions():
    hook = TorchvisionWeightsHook()
    checkpoint = {'backbone.body.conv1.weight': 1, 'rpn.head.conv.bias': 2}
    hook.after_load_checkpoint(SimpleNamespace(), checkpoint)
    assert checkpoint == dict(
        state_dict={'backbone.conv1.weight': 1, 'rpn_head.rpn_conv.bias': 2})
    hook.after_load_checkpoint(SimpleNamespace(), checkpoint)
    assert len(checkpoint['state_dict']) == 2


def test_unknown_name_is_refused():
    with pytest.raises(ConfigError, match='backbone.mask.weight'):
        from_torchvision({'backbone.mask.weight': 0})
