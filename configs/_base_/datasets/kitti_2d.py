# KITTI for 2-D detectors: cars, pedestrians and cyclists in image_2, with the
# info files of tools/dataset_converters/kitti.py. Trained on the common
# training split and tested on the validation split: the test split has no
# labels.
_base_ = './loaders.py'
data_root = 'data/kitti/'

# As in mmdet3d's kitti-mono3d.py: the original size, up to 1.4 %, of all of
# KITTI's slightly different images.
resize = dict(type='mmxkd.Resize', scale=(1242, 375), keep_ratio=True)

# mmxkd's loader raises on a file that mmdet's would repair in silence; mmdet's
# inferencers look for this name.
load_image = dict(type='LoadImageFromFile', _scope_='mmxkd')
load_boxes = dict(type='LoadAnnotations', with_bbox=True)

train_pipeline = [
    load_image, load_boxes, resize,
    dict(type='mmxkd.RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
# KittiMetric2D asks for img_path, whose name is the frame's id, and ori_shape.
test_pipeline = [
    load_image, resize, load_boxes,
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                   'scale_factor'))
]

kitti = dict(type='mmxkd.KittiDataset', data_root=data_root)
train_dataloader = dict(
    dataset=dict(
        **kitti, ann_file='kitti_infos_train.json', pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    dataset=dict(
        **kitti, ann_file='kitti_infos_val.json', pipeline=test_pipeline))

val_evaluator = dict(
    type='mmxkd.KittiMetric2D', ann_file=data_root + 'kitti_infos_val.json')
test_evaluator = val_evaluator
