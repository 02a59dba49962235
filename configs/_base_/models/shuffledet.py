# ShuffleDet: ShuffleNet with a last map of stride 16, and SqueezeDet's head.
# The students are half and a quarter as wide.
model = dict(
    type='SingleStageDetector',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[103.939, 116.779, 123.68],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        # The anchors take the image to be as wide as the map times 16.
        pad_size_divisor=16),
    backbone=dict(
        type='mmxkd.ShuffleDetNet',
        width=1.0,
        stem_channels=24,
        tf_same_padding=True),
    bbox_head=dict(
        type='mmxkd.ConvDetHead',
        num_classes=3,
        in_channels=768,
        dropout=0.5,
        anchor_generator=dict(type='mmxkd.SqueezeDetAnchorGenerator'),
        bbox_coder=dict(type='mmxkd.SqueezeDetBBoxCoder')),
    train_cfg=dict(assigner=dict(type='mmxkd.OnePriorAssigner')),
    test_cfg=dict(
        nms_pre=64,
        nms=dict(type='nms', iou_threshold=0.4),
        max_per_class=50,
        score_thr=0.0))
