# A tiny one for CI: synthetic streets of 621x188, and a narrow ResNet-18 that
# starts from nothing.
_base_ = ['./faster-rcnn_r50_fpn_kitti.py', '../_base_/tiny.py']
load_from = None
data_root = 'data/kitti_synthetic/'


def at_own_size(pipeline):
    return [
        dict(step, scale=(621, 188)) if 'scale' in step else step
        for step in pipeline
    ]


train_pipeline = at_own_size(_base_.train_pipeline)
test_pipeline = at_own_size(_base_.test_pipeline)

train_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
val_evaluator = test_evaluator = dict(ann_file=data_root +
                                      'kitti_infos_val.json')

model = _base_.tiny.faster_rcnn
model.backbone.frozen_stages = -1
# Cars are wide, people are upright.
model.rpn_head.anchor_generator.ratios = [0.5, 1.0, 2.0, 3.0]

optim_wrapper = _base_.tiny.optim_wrapper
param_scheduler = _base_.tiny.param_scheduler
train_cfg = _base_.tiny.train_cfg
