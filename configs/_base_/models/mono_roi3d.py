# DLA-34 and the heads of DID-M3D, for pictures. Batch norm everywhere.
model = dict(
    type='mmxkd.MonoRoI3D',
    data_preprocessor=dict(
        type='mmxkd.Mono3DDataPreprocessor',
        modalities=('img', ),
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32),
    backbone=dict(type='mmxkd.MonoDLANet', depth=34),
    neck=dict(type='mmxkd.DLAUpNeck', in_channels=(64, 128, 256, 512)),
    bbox_head=dict(
        type='mmxkd.MonoRoIHead',
        num_classes=3,
        in_channels=64,
        feat_channels=256,
        depth='did',
        # h, w, l of Pedestrian, Cyclist and Car, metres.
        mean_sizes=[[1.76255119, 0.66068622, 0.84422524],
                    [1.73698127, 0.59706367, 1.76282397],
                    [1.52563191, 1.62856740, 3.88311640]]),
    test_cfg=dict(topk=50, score_thr=0.2))
