# What mmdet3d's own monocular detectors share where they are tiny: synthetic
# streets at their own size of 621x188, with depth beside the picture, and a
# recipe. No crops: heads that read cam2img alone take the scene as it is.
# Detectors that need mmdet3d's affine resizing take the `affine_*` pipelines.
_base_ = [
    './datasets/kitti_mono3d.py',
    './schedules/mono3d.py',
    './default_runtime.py',
    './tiny.py',
]
custom_imports = dict(
    imports=['mmxkd', 'mmxkd.mono3d'], allow_failed_imports=False)
default_scope = 'mmdet3d'
data_root = 'data/kitti_synthetic/'
epochs = 20

# A picture, depth, or both: the teacher of the same network sees depth alone.
view = dict(
    _delete_=True,
    type='mmxkd.Mono3DDataPreprocessor',
    modalities=('img', ),
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_size_divisor=32)
# What the students learn from the depth branch and the teacher; KITTI's focal
# length at this size is half of that for which the bins were chosen. On these
# detectors' features DualKL starts at 2 (SMOKE) to 6 (FCOS3D), so that 20, the
# weight of mmkd_tiny.py, would leave little to the labels.
mmkd = dict(
    type='DepthBranchDualKLLoss',
    feat_channels=32,
    reference_focal=371.8,
    kd_weight=1.,
    inputs=dict(depth_feature='neck[0]'),
    connector=dict(type='ConvConnector', kernel_sizes=[3, 1]))

load_boxes = dict(_base_.load_boxes, with_bbox_depth=True)
affine = dict(type='mmxkd.AffineResize', img_scale=(640, 192), down_ratio=4)
pack = dict(
    type='mmxkd.Pack3DDetInputs',
    keys=(*_base_.train_keys, 'centers_2d', 'depths'),
    depth_target=True)
pack_img = dict(type='mmxkd.Pack3DDetInputs', keys=('img', ))
pack_depth = dict(type='mmxkd.Pack3DDetInputs', keys=('img', 'depth'))
# So small networks see little in single hits.
load = [_base_.load_image, _base_.load_depth, dict(type='mmxkd.CompleteDepth')]
# PGD reads the scale of its picture.
as_it_is = dict(type='mmxkd.Resize', scale_factor=1.0)

train_pipeline = [*load, load_boxes, _base_.flip, pack]
test_pipeline = [_base_.load_image, as_it_is, pack_img]
depth_test_pipeline = [*load, as_it_is, pack_depth]
affine_train_pipeline = [*load, load_boxes, _base_.flip, affine, pack]
affine_test_pipeline = [_base_.load_image, affine, pack_img]
affine_depth_test_pipeline = [*load, affine, pack_depth]

train_dataloader = dict(
    **_base_.tiny.loader,
    batch_size=4,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
val_evaluator = test_evaluator = dict(ann_file=data_root +
                                      'kitti_infos_val.json')

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.002, weight_decay=0.01),
    clip_grad=dict(max_norm=10))
param_scheduler = _base_.tiny.param_scheduler
param_scheduler[1].T_max = epochs
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
custom_hooks = [
    dict(type='mmxkd.EpochSeedHook'),
    dict(type='mmxkd.ChannelsLastHook'),
]
default_hooks = dict(
    checkpoint=dict(save_best='kitti/Car_3d_AP40_moderate_strict'),
    visualization=dict(_delete_=True, type='Det3DVisualizationHook'))
visualizer = dict(type='Det3DLocalVisualizer')
del epochs
