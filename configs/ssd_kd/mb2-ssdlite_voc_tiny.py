# The tiny student without a teacher: half of MobileNetV2's channels, on the
# data of vgg16-ssd_voc_tiny.py.
_base_ = ['./mb2-ssdlite_voc.py', '../_base_/tiny.py']
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
    backbone=dict(widen_factor=0.5),
    neck=dict(in_channels=(288, 1280)),
    bbox_head=dict(num_classes=3, in_channels=(288, 1280, 512, 256, 256, 64)))

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.002, weight_decay=0.05),
    clip_grad=dict(max_norm=10))
param_scheduler = _base_.tiny.param_scheduler
train_cfg = _base_.tiny.train_cfg
custom_hooks = [dict(type='mmxkd.ChannelsLastHook')]
