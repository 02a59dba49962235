# One small recipe for the demo and CI, shared by every config `*_tiny.py`: a
# narrow ResNet-18 whose batch norm trains, few proposals, eight epochs.
# A tiny config names the large one and this file as bases, and takes from
# `_base_.tiny` what it needs.
width, channels, epochs = 16, 32, 8

tiny = dict(
    faster_rcnn=dict(
        backbone=dict(
            depth=18,
            base_channels=width,
            norm_cfg=dict(requires_grad=True),
            norm_eval=False),
        neck=dict(
            in_channels=[width, 2 * width, 4 * width, 8 * width],
            out_channels=channels),
        rpn_head=dict(
            in_channels=channels,
            feat_channels=channels,
            anchor_generator=dict(scales=[4])),
        roi_head=dict(
            bbox_roi_extractor=dict(out_channels=channels, finest_scale=28),
            bbox_head=dict(in_channels=channels, fc_out_channels=128)),
        train_cfg=dict(
            rpn=dict(sampler=dict(num=64)),
            rpn_proposal=dict(nms_pre=200, max_per_img=100),
            rcnn=dict(sampler=dict(num=64))),
        test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100))),
    # Frames are small: no worker, no waiting for one to start.
    loader=dict(num_workers=0, persistent_workers=False),
    optim_wrapper=dict(
        optimizer=dict(
            _delete_=True, type='AdamW', lr=0.002, weight_decay=0.05),
        clip_grad=dict(max_norm=10)),
    param_scheduler=[
        dict(
            type='LinearLR',
            start_factor=0.01,
            by_epoch=False,
            begin=0,
            end=50),
        dict(
            type='CosineAnnealingLR',
            by_epoch=True,
            T_max=epochs,
            convert_to_iter_based=True)
    ],
    train_cfg=dict(max_epochs=epochs, val_interval=epochs))
del width, channels, epochs
