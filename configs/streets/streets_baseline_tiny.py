# The student without a teacher: a narrow Faster R-CNN on RGB pictures of
# synthetic streets, from nothing, 360 iterations on 60 labelled frames.
_base_ = [
    '../_base_/models/faster_rcnn_r50_fpn_torchvision.py',
    '../_base_/datasets/streets.py',
    '../_base_/default_runtime.py',
    '../_base_/tiny.py',
]
epochs = 24

model = _base_.tiny.faster_rcnn
model.backbone.norm_cfg.eps = 1e-5
model.roi_head.bbox_head.num_classes = 3
# Cars are wide, people are upright.
model.rpn_head.anchor_generator.ratios = [0.5, 1.0, 2.0, 3.0]
# What lies in an ignored region by half teaches nothing.
model.train_cfg.rpn.assigner = dict(ignore_iof_thr=0.5)
model.train_cfg.rcnn.assigner = dict(ignore_iof_thr=0.5)

train_dataloader = dict(**_base_.tiny.loader)
val_dataloader = test_dataloader = dict(**_base_.tiny.loader)

optim_wrapper = dict(_base_.tiny.optim_wrapper, type='OptimWrapper')
optim_wrapper['optimizer'].pop('_delete_')
param_scheduler = _base_.tiny.param_scheduler
param_scheduler[1].T_max = epochs
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=epochs)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [dict(type='mmxkd.EpochSeedHook')]
auto_scale_lr = dict(enable=False, base_batch_size=4)
del epochs
