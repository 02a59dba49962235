# mmdet3d's SMOKE, a quarter as wide, with batch norm and plain convolutions.
_base_ = 'mmdet3d::_base_/models/smoke.py'
norm = dict(_delete_=True, type='BN')
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmxkd.MonoDLANet',
        width=0.25,
        out_indices=(0, 1, 2, 3, 4, 5)),
    neck=dict(
        in_channels=[4, 8, 16, 32, 64, 128], use_dcn=False, norm_cfg=norm),
    bbox_head=dict(
        # As mmdet3d's, and a batch may be without objects.
        type='mmxkd.SMOKEMono3DHead',
        in_channels=16,
        feat_channels=16,
        cls_branch=(32, ),
        reg_branch=((32, ), ),
        norm_cfg=dict(type='GN', num_groups=4)))
del norm
