# What the tiny teachers and students of MM-DistillNet share: a narrow
# ResNet-18 in place of EfficientNet-B2, a pyramid of four levels, synthetic
# drives at their own size of 320x128, and a recipe. Sound of 16 kHz becomes 64
# bands with one reference level for all microphones, and the phases of
# neighbours, which say where a sound is from.
_base_ = ['./datasets/mavd.py', './default_runtime.py', './tiny.py']
data_root = 'data/drives/'
frame = (128, 320)
width, channels, epochs = 16, 32, 20

# A camera's detector. Its anchors are half as large, and as wide as cars.
detector = dict(
    type='SingleStageDetector',
    _scope_='mmdet',
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=width,
        out_indices=(1, 2, 3),
        norm_cfg=dict(type='BN'),
        norm_eval=False),
    neck=dict(
        type='mmxkd.BiFPN',
        in_channels=[2 * width, 4 * width, 8 * width],
        out_channels=channels,
        num_outs=4,
        num_cells=2),
    bbox_head=dict(
        type='mmxkd.EfficientDetHead',
        num_classes=1,
        in_channels=channels,
        num_levels=4,
        stacked_convs=2,
        anchor_generator=dict(
            type='mmxkd.EfficientDetAnchorGenerator',
            strides=[8, 16, 32, 64],
            base_scale=2,
            shapes=((1, 1), (1.4, 0.7), (1.8, 0.6)))),
    test_cfg=dict(
        nms_pre=1000,
        min_bbox_size=0,
        score_thr=0.02,
        nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=50))
# A detector that hears. A spectrogram goes through the backbone in its own
# size, and what was heard is laid out in the frame.
spectrogram = dict(
    sample_rate=16000, n_mels=64, reference='common', phase=True)
hearing = dict(
    data_preprocessor=dict(
        type='mmxkd.SoundDetDataPreprocessor',
        frame=frame,
        stretch=False,
        log_mel=spectrogram,
        # Eight maps of decibels, and sixteen of phases.
        mean=[-40.] * 8 + [0.] * 16,
        std=[20.] * 8 + [1.] * 16),
    backbone=dict(
        type='mmxkd.SpectrogramBackbone',
        backbone=detector['backbone'],
        in_channels=24),
    neck=[
        dict(
            type='mmxkd.FrameProjector',
            in_channels=8 * width,
            # Of 64, behind a stride of 32.
            bands=2,
            frame=frame,
            out_channels=channels),
        dict(detector['neck'], in_channels=[channels] * 3)
    ])

log_mel = dict(type='mmxkd.LogMelSpectrogram', **spectrogram)
# Who hears a mirrored scene: the microphones are a ring, the first in front.
flip = dict(
    type='mmxkd.RandomFlip',
    prob=0.5,
    microphone_permutation=[0, 7, 6, 5, 4, 3, 2, 1])
load_sound = dict(_base_.load_sound, sample_rate=16000)
load_boxes, pack_sound = _base_.load_boxes, _base_.pack_sound

# Nothing changes here, where pictures have this size.
resize = dict(_base_.resize, scale=(frame[1], frame[0]))

train_pipeline = [load_sound, load_boxes, resize, flip, log_mel, pack_sound]
test_pipeline = [load_sound, resize, load_boxes, log_mel, pack_sound]
distill_pipeline = [
    *_base_.load_cameras, load_sound, load_boxes, resize, flip, log_mel,
    _base_.pack_all
]
rgb_distill_pipeline = [
    *_base_.load_rgb, load_sound, load_boxes, resize, flip, log_mel,
    _base_.pack_rgb_sound
]
camera_train_pipelines = {
    camera:
    [*load, load_boxes, resize, flip,
     dict(pack_sound, modalities=(name, ))]
    for camera, (load, name) in _base_.camera_parts.items()
}
camera_test_pipelines = {
    camera: [*load, resize, load_boxes,
             dict(pack_sound, modalities=(name, ))]
    for camera, (load, name) in _base_.camera_parts.items()
}

train_dataloader = dict(
    **_base_.tiny.loader, batch_size=16, dataset=dict(data_root=data_root))
val_dataloader = test_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
truth = data_root + 'annotations/test_truth.json'
test_evaluator = [
    dict(metric, ann_file=truth) if 'ann_file' in metric else metric
    for metric in _base_.test_evaluator
]
del truth

optim_wrapper = dict(_base_.tiny.optim_wrapper, type='OptimWrapper')
optim_wrapper['optimizer'].pop('_delete_')
param_scheduler = _base_.tiny.param_scheduler
param_scheduler[1].T_max = epochs
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=epochs)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(checkpoint=dict(save_best='sound/AP50'))
custom_hooks = [
    dict(type='mmxkd.EpochSeedHook'),
    dict(type='mmxkd.ChannelsLastHook'),
]
del width, channels, epochs
