# EfficientDet-D2 as MM-DistillNet's teachers and student have it: 8.0 million
# parameters, images of 768 x 768. A modality is a data preprocessor and a
# number of channels.
model = dict(
    type='SingleStageDetector',
    _scope_='mmdet',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        # The coarsest level has a stride of 128.
        pad_size_divisor=128),
    backbone=dict(type='mmxkd.EfficientNet', arch='b2', in_channels=3),
    neck=dict(
        type='mmxkd.BiFPN',
        in_channels=[48, 120, 352],
        out_channels=112,
        num_outs=5,
        num_cells=5),
    bbox_head=dict(
        type='mmxkd.EfficientDetHead',
        num_classes=20,
        in_channels=112,
        stacked_convs=3),
    test_cfg=dict(
        nms_pre=5000,
        min_bbox_size=0,
        score_thr=0.05,
        best_class_only=True,
        nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=100))
