# What the tiny SSDs share: synthetic streets in VOC's form, and a recipe.
#   python tools/dataset_converters/synthetic_voc.py data/voc_synthetic
_base_ = [
    './datasets/voc0712.py',
    './default_runtime.py',
    './schedules/ssd_kd.py',
    './tiny.py',
]
data_root = 'data/voc_synthetic/'
streets = dict(
    data_root=data_root,
    metainfo=dict(
        classes=('bicycle', 'car', 'person'),
        palette=[(119, 11, 32), (0, 0, 142), (220, 20, 60)]))

# A short training learns more from pictures that are distorted less.
short_pipeline = [
    step for step in _base_.train_pipeline
    if step['type'] not in ('PhotoMetricDistortion', 'mmxkd.Expand')
]
train_dataloader = dict(
    **_base_.tiny.loader,
    batch_size=8,
    dataset=dict(
        **streets, splits=['VOC2007/trainval'], pipeline=short_pipeline))
val_dataloader = test_dataloader = dict(**_base_.tiny.loader, dataset=streets)

optim_wrapper = _base_.tiny.optim_wrapper
param_scheduler = _base_.tiny.param_scheduler
train_cfg = _base_.tiny.train_cfg
default_hooks = dict(checkpoint=dict(save_best='pascal_voc/mAP'))
custom_hooks = [*_base_.custom_hooks, dict(type='mmxkd.ChannelsLastHook')]
auto_scale_lr = dict(base_batch_size=8)
