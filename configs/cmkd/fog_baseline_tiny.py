# The tiny baseline, for the demo and CI: synthetic frames of 320x192 at their
# own size.
#
# Like the large ones, the tiny models start from one common detector: that of
# fog_pretrain_tiny.py, named by `--cfg-options load_from=…`. They keep its
# stem, since so few iterations would not train a new one.
_base_ = ['./fog_baseline.py', '../_base_/tiny.py']
load_from = None
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='mmxkd.StemInitHook', mode='keep')
]
data_root = 'data/stf_synthetic/'


def at_own_size(pipeline):
    return [
        dict(step, scale=(320, 192)) if 'scale' in step else step
        for step in pipeline
    ]


train_pipeline = at_own_size(_base_.train_pipeline)
test_pipeline = at_own_size(_base_.test_pipeline)
gated_train_pipeline = at_own_size(_base_.gated_train_pipeline)
gated_test_pipeline = at_own_size(_base_.gated_test_pipeline)
human_train_pipeline = at_own_size(_base_.human_train_pipeline)
teacher_train_pipeline = at_own_size(_base_.teacher_train_pipeline)
gated_human_train_pipeline = at_own_size(_base_.gated_human_train_pipeline)
gated_teacher_train_pipeline = at_own_size(_base_.gated_teacher_train_pipeline)

train_dataloader = dict(
    **_base_.tiny.loader,
    batch_size=4,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')

model = _base_.tiny.faster_rcnn
model.backbone.norm_cfg.eps = 1e-5
# Pedestrians are upright.
model.rpn_head.anchor_generator.ratios = [1.0, 2.0, 3.0]
model.train_cfg.rcnn.sampler.num = 32

optim_wrapper = _base_.tiny.optim_wrapper
param_scheduler = _base_.tiny.param_scheduler
train_cfg = _base_.tiny.train_cfg
