"""Stock detectors of mmdet, so narrow that a step takes a tenth of a second.

Each is mmdet's own config with other widths: layers, heads, assigners and
losses are untouched. ``width`` is that of the neck, and the backbone's first
stage has half of it.
"""
import copy
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.hub import get_config
from mmengine.structures import InstanceData

CLASSES = 3
SIZE = (64, 96)


@cache
def _stock(path: str) -> ConfigDict:
    return get_config(f'mmdet::{path}').model


def _start(path: str) -> ConfigDict:
    cfg = copy.deepcopy(_stock(path))
    cfg._scope_ = 'mmdet'
    # No multi-scale batches: teacher and student must see one size.
    cfg.data_preprocessor.pop('batch_augments', None)
    cfg.pop('init_cfg', None)
    if 'pad_size_divisor' in cfg.data_preprocessor:
        cfg.data_preprocessor.pad_size_divisor = 32
    return cfg


def _resnet(cfg: ConfigDict, width: int,
            stages: tuple[int, ...] = (0, 1, 2, 3)) -> list[int]:
    """Put in a ResNet-18; its channels at these stages."""
    base = width // 2
    cfg.backbone = dict(type='ResNet', depth=18, base_channels=base,
                        out_indices=stages, norm_cfg=dict(type='BN'),
                        init_cfg=None)
    return [base * 2**i for i in stages]


def _narrow(part, **values) -> None:
    """Set the values that a config has, wherever they stand in it."""
    if isinstance(part, (list, tuple)):
        for one in part:
            _narrow(one, **values)
    elif isinstance(part, dict):
        for key in part:
            if key in values:
                part[key] = values[key]
            else:
                _narrow(part[key], **values)


def fpn(path: str, group_norm: bool = False) -> Callable[[int], ConfigDict]:
    """A detector of ResNet, FPN and one or two stages of heads.

    ``group_norm``: its dense head has group norm by default.
    """

    def make(width: int) -> ConfigDict:
        cfg = _start(path)
        cfg.neck.in_channels = _resnet(cfg, width,
                                       tuple(cfg.backbone.out_indices))
        cfg.neck.out_channels = width
        for key in ('bbox_head', 'rpn_head', 'roi_head', 'mask_head'):
            _narrow(cfg.get(key), in_channels=width, feat_channels=width,
                    point_feat_channels=width, fc_out_channels=2 * width,
                    conv_out_channels=width, out_channels=width, num_groups=4)
        _narrow(cfg.neck, num_groups=4)
        if group_norm:
            cfg.bbox_head.norm_cfg = dict(type='GN', num_groups=4)
        for key in ('bbox_head', 'roi_head'):
            _narrow(cfg.get(key), num_classes=CLASSES)
        return cfg

    return make


def sparse_rcnn(width: int) -> ConfigDict:
    """Two of six stages, eight proposals."""
    cfg = fpn('sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py')(width)
    cfg.rpn_head.num_proposals = 8
    cfg.rpn_head.proposal_feature_channel = width
    cfg.roi_head.num_stages = 2
    cfg.roi_head.stage_loss_weights = [1, 1]
    cfg.roi_head.proposal_feature_channel = width
    cfg.roi_head.bbox_head = cfg.roi_head.bbox_head[:2]
    _narrow(cfg.roi_head.bbox_head, feedforward_channels=2 * width,
            num_heads=2)
    cfg.train_cfg.rcnn = cfg.train_cfg.rcnn[:2]
    cfg.test_cfg.rcnn.max_per_img = 8
    return cfg


def ssd(width: int) -> ConfigDict:
    """The strides of SSDLite behind a ResNet."""
    cfg = _start('ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py')
    cfg.neck.in_channels = _resnet(cfg, width, (2, 3))
    cfg.neck.out_channels = [*cfg.neck.in_channels, *[width] * 4]
    cfg.bbox_head.in_channels = cfg.neck.out_channels
    cfg.bbox_head.num_classes = CLASSES
    return cfg


def centernet(width: int) -> ConfigDict:
    """Without deformable convolutions."""
    cfg = _start('centernet/centernet_r18_8xb16-crop512-140e_coco.py')
    cfg.neck.in_channels = _resnet(cfg, width, (3, ))[0]
    cfg.neck.num_deconv_filters = [2 * width, width, width]
    cfg.bbox_head.in_channels = cfg.bbox_head.feat_channels = width
    cfg.bbox_head.num_classes = CLASSES
    return cfg


def csp(path: str) -> Callable[[int], ConfigDict]:
    """YOLOX and RTMDet: their own backbones, 1/64 of the published width."""

    def make(width: int) -> ConfigDict:
        cfg = _start(path)
        cfg.backbone.init_cfg = None
        cfg.backbone.deepen_factor = 1 / 3
        cfg.backbone.widen_factor = width / 256
        cfg.neck.in_channels = [width, 2 * width, 4 * width]
        cfg.neck.out_channels = width
        cfg.neck.num_csp_blocks = 1
        cfg.bbox_head.in_channels = cfg.bbox_head.feat_channels = width
        cfg.bbox_head.num_classes = CLASSES
        cfg.pop('init_cfg', None)
        return cfg

    return make


def yolov3(width: int) -> ConfigDict:
    """Behind a ResNet instead of Darknet-53."""
    cfg = _start('yolo/yolov3_d53_8xb8-320-273e_coco.py')
    cfg.neck.in_channels = _resnet(cfg, width, (1, 2, 3))[::-1]
    cfg.neck.out_channels = [4 * width, 2 * width, width]
    cfg.bbox_head.in_channels = cfg.neck.out_channels
    cfg.bbox_head.out_channels = [2 * width] * 3
    cfg.bbox_head.num_classes = CLASSES
    return cfg


def yolof(width: int) -> ConfigDict:
    """One level of features."""
    cfg = _start('yolof/yolof_r50-c5_8xb8-1x_coco.py')
    cfg.neck.in_channels = _resnet(cfg, width, (3, ))[0]
    cfg.neck.out_channels = cfg.bbox_head.in_channels = width
    cfg.neck.block_mid_channels = width
    cfg.bbox_head.num_classes = CLASSES
    return cfg


def detr(path: str, dims: int | None = None) -> Callable[[int], ConfigDict]:
    """Two layers of encoder and decoder, eight queries.

    ``dims``: the width behind the backbone, where mmdet allows no other.
    """

    def make(width: int) -> ConfigDict:
        cfg = _start(path)
        cfg.neck.in_channels = _resnet(cfg, width,
                                       tuple(cfg.backbone.out_indices))
        width = dims or width
        cfg.neck.out_channels = width
        cfg.num_queries = 8
        cfg.encoder.num_layers = cfg.decoder.num_layers = 2
        _narrow([cfg.neck, cfg.encoder, cfg.decoder, cfg.bbox_head],
                embed_dims=width, feedforward_channels=2 * width, num_heads=2,
                num_groups=4, num_classes=CLASSES)
        cfg.bbox_head.embed_dims = width
        cfg.positional_encoding.num_feats = width // 2
        if 'dn_cfg' in cfg:
            cfg.dn_cfg.group_cfg.num_dn_queries = 4
        return cfg

    return make


# From two-stage detectors over dense heads to sets of queries.
DETECTORS: dict[str, Callable[[int], ConfigDict]] = {
    'Faster R-CNN': fpn('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'),
    'Cascade R-CNN': fpn('cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py'),
    'Mask R-CNN': fpn('mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'),
    'Sparse R-CNN': sparse_rcnn,
    'RetinaNet': fpn('retinanet/retinanet_r50_fpn_1x_coco.py'),
    'SSD': ssd,
    'ATSS': fpn('atss/atss_r50_fpn_1x_coco.py', group_norm=True),
    'GFL': fpn('gfl/gfl_r50_fpn_1x_coco.py', group_norm=True),
    'YOLOv3': yolov3,
    'YOLOF': yolof,
    'FCOS': fpn('fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py', group_norm=True),
    'FoveaBox': fpn('foveabox/fovea_r50_fpn_4xb4-1x_coco.py'),
    'RepPoints': fpn(
        'reppoints/reppoints-moment_r50_fpn-gn_head-gn_1x_coco.py'),
    'CenterNet': centernet,
    'CondInst': fpn('condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py',
                    group_norm=True),
    'YOLOX': csp('yolox/yolox_s_8xb8-300e_coco.py'),
    'RTMDet': csp('rtmdet/rtmdet_s_8xb32-300e_coco.py'),
    'DETR': detr('detr/detr_r50_8xb2-150e_coco.py'),
    'Deformable DETR': detr(
        'deformable_detr/deformable-detr_r50_16xb2-50e_coco.py'),
    'DINO': detr('dino/dino-4scale_r50_8xb2-12e_coco.py', dims=256),
}


def _filled(box: list[int]) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[box[1]:box[3], box[0]:box[2]] = 1
    return mask


def batch(size: int = 2, masks: bool = False) -> dict:
    """Random pictures with two boxes each, as a loader gives it."""
    height, width = SIZE
    generator = torch.Generator().manual_seed(0)
    inputs, samples = [], []
    for i in range(size):
        inputs.append(
            torch.randint(0, 255, (3, height, width), generator=generator,
                          dtype=torch.uint8))
        boxes = torch.tensor([[4., 6., 40., 50.], [20., 8., 60., 40.]])
        sample = DetDataSample(
            metainfo=dict(img_id=i, img_path='', img_shape=SIZE,
                          ori_shape=SIZE, scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(bboxes=boxes,
                                           labels=torch.tensor([0, 2]))
        if masks:
            sample.gt_instances.masks = BitmapMasks(
                np.stack([_filled(box) for box in boxes.long().tolist()]),
                height, width)
        sample.ignored_instances = InstanceData(bboxes=boxes[:0],
                                                labels=torch.zeros(0).long())
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)
