# mmdet3d's FCOS3D on KITTI's classes and levels, as narrow as a ResNet-18 of
# 16 channels. mmdet3d ships it for nuScenes alone: no attributes and no
# velocities here, and of the levels of its PGD on KITTI the last three: that
# of stride 4 has three quarters of all cells.
_base_ = 'mmdet3d::_base_/models/fcos3d.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmdet.ResNet',
        depth=18,
        base_channels=16,
        norm_cfg=dict(type='BN'),
        norm_eval=False,
        style='pytorch'),
    neck=dict(
        in_channels=[16, 32, 64, 128],
        out_channels=32,
        start_level=1,
        num_outs=3),
    bbox_head=dict(
        num_classes=3,
        in_channels=32,
        feat_channels=32,
        norm_cfg=dict(type='GN', num_groups=8),
        bbox_code_size=7,
        pred_attrs=False,
        pred_velo=False,
        strides=(8, 16, 32),
        regress_ranges=((-1, 64), (64, 128), (128, 1e8)),
        group_reg_dims=(2, 1, 3, 1),
        cls_branch=(32, ),
        reg_branch=((32, ), (32, ), (32, ), (32, )),
        dir_branch=(32, ),
        attr_branch=(),
        centerness_branch=(32, ),
        # Depth and size from KITTI's means, as mmdet3d's PGD takes them: the
        # default starts at a depth of 1 m.
        bbox_coder=dict(
            base_depths=((28.01, 16.32), ),
            base_dims=((0.8, 1.73, 0.6), (1.76, 1.73, 0.6), (3.9, 1.56, 1.6)),
            code_size=7),
        dcn_on_last_conv=False),
    train_cfg=dict(code_weight=[1.0, 1.0, 0.2, 1.0, 1.0, 1.0, 1.0]),
    test_cfg=dict(nms_pre=100, nms_thr=0.05, score_thr=0.01, max_per_img=20))
