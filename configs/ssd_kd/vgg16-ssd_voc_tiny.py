# The tiny teacher, for CI and laptops: a quarter of VGG-16's channels and 3
# classes, on synthetic streets in VOC's form. It has the 3000 priors of the
# full one.
#   python tools/dataset_converters/synthetic_voc.py data/voc_synthetic
_base_ = ['./vgg16-ssd_voc.py', '../_base_/tiny.py']
load_from = None
data_root = 'data/voc_synthetic/'
metainfo = dict(
    classes=('bicycle', 'car', 'person'),
    palette=[(119, 11, 32), (0, 0, 142), (220, 20, 60)])
data = dict(
    data_root=data_root, metainfo=metainfo, splits=['VOC2007/trainval'])
tested = dict(data, splits=['VOC2007/test'])
train_dataloader = dict(**_base_.tiny.loader, batch_size=8, dataset=data)
val_dataloader = test_dataloader = dict(**_base_.tiny.loader, dataset=tested)

model = dict(
    backbone=dict(width=0.25),
    neck=dict(in_channels=(256, ), out_channels=(256, 128, 128, 64, 64, 64)),
    bbox_head=dict(num_classes=3, in_channels=(256, 128, 128, 64, 64, 64)))

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.0005, weight_decay=0.05),
    clip_grad=dict(max_norm=10))
param_scheduler = _base_.tiny.param_scheduler
train_cfg = _base_.tiny.train_cfg
custom_hooks = [dict(type='mmxkd.ChannelsLastHook')]
