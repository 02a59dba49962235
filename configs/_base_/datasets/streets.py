# Synthetic streets of KITTI's form as COCO files, in the layout of
# tools/dataset_converters/kitti_coco.py, at their own size of 621x188. The
# pipelines of a model that sees RGB alone are in use; a teacher takes the
# `depth_*` ones in their place.
_base_ = './coco_splits.py'
data_root = 'data/kitti_synthetic/'
road_users = dict(classes=('Car', 'Pedestrian', 'Cyclist'))

# mmxkd's loader raises on a file that mmdet's would repair in silence; mmdet's
# inferencers look for this name.
load_image = dict(type='LoadImageFromFile', _scope_='mmxkd')
load_depth = dict(type='mmxkd.LoadDepth')
load_boxes = dict(type='LoadAnnotations', with_bbox=True)
resize = dict(type='mmxkd.Resize', scale=(621, 188), keep_ratio=True)
flip = dict(type='mmxkd.RandomFlip', prob=0.5)
test_meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape',
                  'scale_factor')
pack_image = dict(type='mmxkd.PackMultiModalInputs', modalities=('img', ))

train_pipeline = [load_image, load_boxes, resize, flip, pack_image]
test_pipeline = [
    load_image, resize, load_boxes,
    dict(pack_image, meta_keys=test_meta_keys)
]
depth_train_pipeline = [
    load_image, load_depth, load_boxes, resize, flip,
    dict(pack_image, modalities=('img', 'depth'))
]
depth_test_pipeline = [
    load_image, load_depth, resize, load_boxes,
    dict(pack_image, modalities=('img', 'depth'), meta_keys=test_meta_keys)
]
# RGB alone, where some frames are labelled by a teacher, whose boxes have
# scores.
human_train_pipeline = [
    load_image, load_boxes,
    dict(type='mmxkd.MarkSource', source='human'), resize, flip, pack_image
]
teacher_train_pipeline = [
    load_image, load_boxes,
    dict(type='mmxkd.MarkSource', source='teacher'), resize, flip, pack_image
]

streets = dict(
    type='mmxkd.ScoredCocoDataset',
    data_root=data_root,
    # The file names of the pictures already hold their folder.
    data_prefix=dict(img=''),
    beside=dict(depth_path='training/depth_2'),
    metainfo=road_users)
train_dataloader = dict(dataset=dict(**streets, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    dataset=dict(**streets, pipeline=test_pipeline))
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')
