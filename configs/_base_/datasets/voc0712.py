# PASCAL VOC for SSDs of 300x300: trained on trainval of 2007 and 2012, tested
# on test of 2007 by its own rules. As published, no picture is left to choose
# a checkpoint by: evaluate after the last epoch alone (val_interval).
_base_ = './loaders.py'
data_root = 'data/VOCdevkit/'

# mmxkd's loader raises on a file that mmdet's would repair in silence; mmdet's
# inferencers look for this name.
load_image = dict(type='LoadImageFromFile', _scope_='mmxkd')
load_boxes = dict(type='LoadAnnotations', with_bbox=True)
resize = dict(type='mmxkd.Resize', scale=(300, 300), keep_ratio=False)

# As published: grey around the picture, no minimal overlap of 0.5 among the
# crops, and difficult objects do not steer them.
train_pipeline = [
    load_image, load_boxes,
    dict(type='mmxkd.DropIgnoredBoxes'),
    dict(
        type='PhotoMetricDistortion',
        brightness_delta=32,
        contrast_range=(0.5, 1.5),
        saturation_range=(0.5, 1.5),
        hue_delta=18),
    dict(
        type='mmxkd.Expand',
        mean=[127.0, 127.0, 127.0],
        to_rgb=False,
        ratio_range=(1, 4),
        prob=0.5),
    dict(
        type='mmxkd.MinIoURandomCrop',
        min_ious=(0.1, 0.3, 0.7, 0.9),
        min_crop_size=0.3),
    dict(type='mmxkd.RandomFlip', prob=0.5), resize,
    dict(type='PackDetInputs')
]
# VOCAPMetric compares with the boxes of the file: they are loaded behind
# Resize.
test_pipeline = [
    load_image, resize, load_boxes,
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                   'scale_factor'))
]

voc = dict(type='mmxkd.VOCDataset', data_root=data_root)
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        **voc,
        splits=['VOC2007/trainval', 'VOC2012/trainval'],
        # Pictures whose objects are all difficult are kept.
        filter_cfg=None,
        pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    batch_size=16,
    dataset=dict(**voc, splits=['VOC2007/test'], pipeline=test_pipeline))

val_evaluator = dict(type='mmxkd.VOCAPMetric', average='11points')
test_evaluator = val_evaluator
