"""Narrow versions of real detectors, and real batches for them."""
import torch
from mmdet.structures import DetDataSample
from mmengine.hub import get_config
from mmengine.structures import InstanceData
from torch import nn

CONFIGS = dict(retinanet='retinanet/retinanet_r50_fpn_1x_coco.py',
               faster_rcnn='faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
               fcos='fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
               detr='detr/detr_r50_8xb2-150e_coco.py')


def narrow(name, classes=3):
    """Model config of a detector with a ResNet-18 of an eighth the width."""
    cfg = get_config('mmdet::' + CONFIGS[name]).model
    cfg._scope_ = 'mmdet'
    cfg.data_preprocessor.pad_size_divisor = 32
    cfg.init_cfg = None
    cfg.backbone = dict(type='ResNet', depth=18, base_channels=8, num_stages=4,
                        out_indices=(3, ) if name == 'detr' else (0, 1, 2, 3),
                        norm_cfg=dict(type='BN'), init_cfg=None)
    if name == 'detr':
        cfg.neck.in_channels = [64]
        cfg.num_queries = 8
        cfg.encoder.num_layers = cfg.decoder.num_layers = 2
        cfg.bbox_head.num_classes = classes
        return cfg
    cfg.neck.in_channels = [8, 16, 32, 64]
    cfg.neck.out_channels = 16
    if name == 'faster_rcnn':
        cfg.rpn_head.in_channels = cfg.rpn_head.feat_channels = 16
        cfg.roi_head.bbox_roi_extractor.out_channels = 16
        head = cfg.roi_head.bbox_head
        head.in_channels, head.fc_out_channels = 16, 32
        head.num_classes = classes
        return cfg
    cfg.bbox_head.in_channels = cfg.bbox_head.feat_channels = 16
    cfg.bbox_head.num_classes = classes
    if name == 'fcos':
        cfg.bbox_head.norm_cfg = dict(type='GN', num_groups=4,
                                      requires_grad=True)
    return cfg


def head_of(model):
    """What runs after the neck: the first layer of each head."""
    return [
        part for name, part in model.named_children()
        if name in ('bbox_head', 'rpn_head', 'roi_head', 'encoder', 'decoder')
    ]


class Calls:
    """Counts how often layers run."""

    def __init__(self, modules):
        self.count = 0
        for module in modules:
            for leaf in module.modules():
                if not isinstance(leaf, nn.ModuleList):
                    leaf.register_forward_pre_hook(self._add)

    def _add(self, *_):
        self.count += 1


def pictures(size=2, height=64, width=96):
    generator = torch.Generator().manual_seed(0)
    samples = []
    for i in range(size):
        data = DetDataSample(
            metainfo=dict(img_id=i, img_path=f'images/{i}.png', img_shape=(
                height, width), ori_shape=(height, width), scale_factor=(1.0,
                                                                         1.0)))
        data.gt_instances = InstanceData(
            bboxes=torch.tensor([[4., 6., 40., 50.], [20., 8., 60., 40.]]),
            labels=torch.tensor([0, 2]))
        samples.append(data)
    return dict(
        inputs=[
            torch.randint(0, 255, (3, height, width), generator=generator,
                          dtype=torch.uint8) for _ in range(size)
        ], data_samples=samples)
