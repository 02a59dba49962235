# mmdet3d's PGD with its own settings for KITTI, as narrow as a ResNet-18 of 16
# channels, without the level of stride 4, which has three quarters of all
# cells.
_base_ = 'mmdet3d::_base_/models/pgd.py'
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
        pred_bbox2d=True,
        pred_keypoints=True,
        use_onlyreg_proj=True,
        strides=(8, 16, 32),
        regress_ranges=((-1, 64), (64, 128), (128, 1e8)),
        group_reg_dims=(2, 1, 3, 1, 16, 4),
        cls_branch=(32, ),
        reg_branch=((32, ), (32, ), (32, ), (32, ), (32, ), (32, )),
        dir_branch=(32, ),
        attr_branch=(),
        depth_branch=(32, ),
        centerness_branch=(32, ),
        dcn_on_last_conv=False,
        depth_range=(0, 70),
        depth_bins=8,
        weight_dim=1,
        loss_depth=dict(
            type='UncertainSmoothL1Loss', alpha=1.0, beta=3.0,
            loss_weight=1.0),
        bbox_coder=dict(
            base_depths=((28.01, 16.32), ),
            base_dims=((0.8, 1.73, 0.6), (1.76, 1.73, 0.6), (3.9, 1.56, 1.6)),
            code_size=7)),
    # Of offset, depth, size and turn, of 16 keypoint offsets, of the 2-D box.
    train_cfg=dict(code_weight=[1.0] * 7 + [0.2] * 16 + [1.0] * 4),
    test_cfg=dict(nms_pre=100, nms_thr=0.05, score_thr=0.001, max_per_img=20))
