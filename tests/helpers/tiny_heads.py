"""Narrow detectors whose heads are distilled: SSD, GFL, ATSS and others."""
from copy import deepcopy
from functools import cache

import torch
from mmengine.hub import get_config
from mmengine.structures import InstanceData

from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow, pictures

STEMS = dict(retinanet='retinanet/retinanet_r50_fpn_1x_coco.py',
             gfl='gfl/gfl_r50_fpn_1x_coco.py',
             atss='atss/atss_r50_fpn_1x_coco.py')


@cache
def _ssd():
    return get_config(
        'mmdet::ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py').model


def ssd(classes=3, strides=(16, 32, 64), ratios=((2, 3), (2, 3), (2, )),
        width=0.25):
    """SSDLite on a narrow MobileNetV2; three or four levels at 96 px."""
    cfg = deepcopy(_ssd())
    cfg._scope_ = 'mmdet'
    cfg.backbone.widen_factor = width
    cfg.backbone.init_cfg = None
    channels = (int(96 * width), 1280, 16, 16)[:len(strides)]
    cfg.neck.in_channels, cfg.neck.out_channels = channels[:2], channels
    cfg.neck.level_strides = (2, ) * (len(strides) - 2)
    cfg.neck.level_paddings = (1, ) * (len(strides) - 2)
    head = cfg.bbox_head
    head.in_channels, head.num_classes = channels, classes
    head.anchor_generator.update(strides=list(strides),
                                 ratios=[list(r) for r in ratios],
                                 min_sizes=[16, 32, 56, 90][:len(strides)],
                                 max_sizes=[32, 56, 90, 96][:len(strides)])
    return cfg


@cache
def _dense(name):
    if name == 'fcos':
        cfg = narrow('fcos')
    else:
        cfg = narrow('retinanet')
        full = get_config('mmdet::' + STEMS[name]).model
        cfg.bbox_head, cfg.train_cfg = full.bbox_head, full.train_cfg
        cfg.bbox_head.update(in_channels=16, num_classes=3)
        cfg.neck.start_level = 1
        cfg.neck.add_extra_convs = 'on_output'
    if 'norm_cfg' in cfg.bbox_head or name in ('gfl', 'atss'):
        cfg.bbox_head.norm_cfg = dict(type='GN', num_groups=4,
                                      requires_grad=True)
    return cfg


def dense(name, channels=16, **head):
    """A one-stage detector with towers, as of ``STEMS`` or FCOS."""
    cfg = deepcopy(_dense(name))
    cfg.bbox_head.feat_channels = channels
    cfg.bbox_head.update(head)
    return cfg


@cache
def _faster_rcnn():
    return narrow('faster_rcnn')


def faster_rcnn():
    """A two-stage detector."""
    return deepcopy(_faster_rcnn())


def distilled(student, teacher=None, dry_run=(96, 96), mode='predict',
              dtype='fp32', **losses):
    """``student`` and ``teacher`` are model configs; losses as in a config."""
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=student,
            teachers=dict(t=dict(cfg=teacher or student, random=True,
                                 mode=mode, dtype=dtype)),
            distiller=dict(losses=losses), dry_run=dry_run))
    model.init_weights()
    return model.train()


def batch(size=2, height=96, width=96, without=()):
    """Pictures with two boxes each, none in the images of ``without``."""
    data = pictures(size, height, width)
    for i in without:
        data['data_samples'][i].gt_instances = InstanceData(
            bboxes=torch.zeros(0, 4), labels=torch.zeros(0).long())
    return data


def weights_of(teacher):
    return {k: v.clone() for k, v in teacher.model.state_dict().items()}


def on(head, kind='ChenDenseHeadLoss', **options):
    """A loss between heads of the same name."""
    return dict(type=kind, student=head, teacher=head, **options)


def two_stage(**options):
    """Losses of both heads of a two-stage detector."""
    return dict(loss_rpn=on('rpn_head', **options),
                loss_roi=on('roi_head', 'ChenRoIHeadLoss', **options))


def spy(model, name):
    """The arguments that a loss gets, call by call."""
    module = model.distiller.losses[name].module
    calls, stock = [], module.forward

    def forward(**kwargs):
        calls.append(kwargs)
        return stock(**kwargs)

    module.forward = forward
    return calls
