# KITTI for monocular 3-D detectors: the picture, and depth maps of
# tools/dataset_converters/kitti.py --depth. Sparse maps are never blended; for
# completed ones give `depth='linear'` to AffineResize, and
# data_prefix=dict(depth='training/depth_dense') to the data sets.
_base_ = './loaders.py'
data_root = 'data/kitti/'
class_names = ['Pedestrian', 'Cyclist', 'Car']
input_size = (1280, 384)

load_image = dict(type='LoadImageFromFileMono3D')
load_depth = dict(type='mmxkd.LoadDepth', pad_to_img=True)
load_boxes = dict(
    type='LoadAnnotations3D',
    with_bbox=True,
    with_label=True,
    with_attr_label=False,
    with_bbox_3d=True,
    with_label_3d=True)
flip = dict(type='mmxkd.RandomFlip3D', flip_ratio_bev_horizontal=0.5)
crop = dict(type='mmxkd.ClippedNormalShiftScale')
resize = dict(type='mmxkd.AffineResize', img_scale=input_size, down_ratio=4)
train_keys = ('img', 'depth', 'gt_bboxes', 'gt_bboxes_labels', 'gt_bboxes_3d',
              'gt_labels_3d')

train_pipeline = [
    load_image, load_depth, load_boxes, flip, crop, resize,
    dict(type='mmxkd.ColourJitter'),
    dict(type='mmxkd.Pack3DDetInputs', keys=train_keys, depth_target=True)
]
# A model that sees depth takes `depth_test_pipeline`.
load_test_depth = [load_image, load_depth, resize]
test_pipeline = [
    load_image, resize,
    dict(type='mmxkd.Pack3DDetInputs', keys=('img', ))
]
depth_test_pipeline = [
    *load_test_depth,
    dict(type='mmxkd.Pack3DDetInputs', keys=('img', 'depth'))
]

kitti = dict(
    type='mmxkd.MonoKittiDataset',
    data_root=data_root,
    metainfo=dict(classes=class_names))
train_dataloader = dict(
    batch_size=16,
    drop_last=True,
    dataset=dict(
        **kitti, ann_file='kitti_infos_train.json', pipeline=train_pipeline))
# All frames are tested, those of the last batch too.
val_dataloader = test_dataloader = dict(
    dataset=dict(
        **kitti, ann_file='kitti_infos_val.json', pipeline=test_pipeline))

val_evaluator = dict(
    type='mmxkd.KittiMetric3D', ann_file=data_root + 'kitti_infos_val.json')
test_evaluator = val_evaluator
