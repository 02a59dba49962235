# What a teacher and a student with the same 3000 priors share, so that their
# predictions can be compared one by one: pictures of 300x300 and six levels
# of six priors per cell (19, 10, 5, 3, 2, 1 cells a side).
preprocessor = dict(
    type='DetDataPreprocessor',
    mean=[127.0, 127.0, 127.0],
    std=[128.0, 128.0, 128.0],
    bgr_to_rgb=True,
    pad_size_divisor=1)
he = dict(type='Kaiming', layer='Conv2d')
priors = dict(
    type='mmxkd.ClampedSSDAnchorGenerator',
    input_size=300,
    strides=[16, 32, 64, 100, 150, 300],
    ratios=[[2, 3]] * 6,
    min_sizes=[60, 105, 150, 195, 240, 285],
    max_sizes=[105, 150, 195, 240, 285, 330])
head = dict(
    num_classes=20,
    anchor_generator=priors,
    bbox_coder=dict(
        type='DeltaXYWHBBoxCoder',
        clip_border=False,
        target_means=[0.0, 0.0, 0.0, 0.0],
        target_stds=[0.1, 0.1, 0.2, 0.2]),
    init_cfg=he)
train_and_test = dict(
    train_cfg=dict(
        assigner=dict(
            type='mmxkd.SSDAssigner',
            anchor_generator=priors,
            pos_iou_thr=0.5,
            neg_iou_thr=0.5,
            min_pos_iou=0.0,
            ignore_iof_thr=-1,
            gt_max_assign_all=False),
        sampler=dict(type='PseudoSampler'),
        smoothl1_beta=1.0,
        allowed_border=-1,
        pos_weight=-1,
        neg_pos_ratio=3,
        debug=False),
    test_cfg=dict(
        score_thr=0.01,
        top_k=200,
        nms=dict(type='nms', iou_threshold=0.45),
        max_per_img=-1))

# VGG16-SSD without conv4_3 (and its L2 norm).
vgg16_ssd = dict(
    type='SingleStageDetector',
    data_preprocessor=preprocessor,
    backbone=dict(type='mmxkd.SlimSSDVGG', depth=16),
    neck=dict(
        type='SSDNeck',
        in_channels=(1024, ),
        out_channels=(1024, 512, 256, 256, 256, 256),
        level_strides=(2, 2, 2, 2, 2),
        level_paddings=(1, 1, 1, 1, 1),
        l2_norm_scale=None,
        init_cfg=he),
    bbox_head=dict(
        type='mmxkd.ClasswiseSSDHead',
        in_channels=(1024, 512, 256, 256, 256, 256),
        **head),
    **train_and_test)

mb2_ssdlite = dict(
    type='SingleStageDetector',
    data_preprocessor=preprocessor,
    backbone=dict(type='mmxkd.TappedMobileNetV2'),
    neck=dict(
        type='mmxkd.InvertedResidualNeck',
        in_channels=(576, 1280),
        out_channels=(512, 256, 256, 64),
        expand_ratios=(0.2, 0.25, 0.5, 0.25)),
    bbox_head=dict(
        type='mmxkd.SSDLiteHead',
        in_channels=(576, 1280, 512, 256, 256, 64),
        **head),
    **train_and_test)
