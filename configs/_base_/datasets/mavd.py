# MAVD, or synthetic drives in its folders, in the layout of
# tools/dataset_converters/mavd.py. The student hears and sees nothing; where
# it is taught, its batch also holds what the teachers see. MAVD has no labels:
# training reads a list of frames. `annotations/*_truth.json` are the boxes
# that synthetic drives know; of real ones, name a file of tools/label.py.
_base_ = './loaders.py'
data_root = 'data/mavd/'
side = 768

# What the converter stored by default: waveforms. For published pickles, or
# --store spectrogram: load_sound with holds='spectrogram', and no log_mel.
load_sound = dict(type='mmxkd.LoadStoredSound', holds='waveform')
log_mel = dict(type='mmxkd.LogMelSpectrogram')
# mmxkd's loader raises on a file that mmdet's would repair in silence; mmdet's
# inferencers look for this name.
load_image = dict(type='LoadImageFromFile', _scope_='mmxkd')
# As published: resized as floats; thermal is stretched by what is left of it.
to_float = dict(type='mmxkd.ImageToFloat32')
load_thermal = dict(type='mmxkd.LoadThermal')
load_depth = dict(type='mmxkd.LoadDepthPicture', to_float32=True)
crop = dict(type='mmxkd.CropColumns')
# Of 16 bits. For thermal of 8 bits: window=None.
stretch = dict(type='mmxkd.StretchThermal', window=(21800, 25000))
# What a pipeline loads is what it needs on disk: cameras of the dataset.
load_rgb = [load_image, to_float, crop]
load_cameras = [load_image, to_float, load_thermal, load_depth, crop, stretch]
load_boxes = dict(type='LoadAnnotations', with_bbox=True)
resize = dict(type='mmxkd.Resize', scale=(side, side), keep_ratio=True)
meta_keys = ('img_id', 'img_path', 'frame_id', 'drive', 'lighting', 'time',
             'ori_shape', 'img_shape', 'scale_factor', 'flip',
             'flip_direction')
pack_sound = dict(
    type='mmxkd.PackMultiModalInputs',
    modalities=('spectrogram', ),
    meta_keys=meta_keys)
cameras = ('img', 'thermal', 'depth_picture')
pack_all = dict(pack_sound, modalities=(*cameras, 'spectrogram'))
pack_rgb_sound = dict(pack_sound, modalities=('img', 'spectrogram'))
# Of each camera: what loads its picture, and the name in a batch.
camera_parts = dict(
    rgb=(load_rgb, 'img'),
    thermal=([load_thermal, crop, stretch], 'thermal'),
    depth=([load_depth, crop], 'depth_picture'))
flip = dict(type='mmxkd.RandomFlip', prob=0.5)

# Sound alone: labels that are read come from a file.
train_pipeline = [load_sound, load_boxes, resize, log_mel, pack_sound]
test_pipeline = [load_sound, resize, load_boxes, log_mel, pack_sound]
# Sound and three cameras; or the first alone.
distill_pipeline = [
    *load_cameras, load_sound, load_boxes, resize, log_mel, pack_all
]
rgb_distill_pipeline = [
    *load_rgb, load_sound, load_boxes, resize, log_mel, pack_rgb_sound
]
# One camera alone: its teacher.
camera_train_pipelines = {
    camera:
    [*load, load_boxes, resize, flip,
     dict(pack_sound, modalities=(name, ))]
    for camera, (load, name) in camera_parts.items()
}
camera_test_pipelines = {
    camera: [*load, resize, load_boxes,
             dict(pack_sound, modalities=(name, ))]
    for camera, (load, name) in camera_parts.items()
}

mavd = dict(type='mmxkd.MAVDDataset', data_root=data_root)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        **mavd,
        ann_file='annotations/train.json',
        unlabelled=True,
        cameras=('rgb', 'thermal', 'depth'),
        leave_out_incomplete=True,
        # No frame has boxes yet.
        filter_cfg=None,
        pipeline=distill_pipeline))
tested = dict(mavd, pipeline=test_pipeline)
val_dataloader = dict(
    dataset=dict(**tested, ann_file='annotations/val_truth.json'))
test_dataloader = dict(
    dataset=dict(**tested, ann_file='annotations/test_truth.json'))

val_evaluator = dict(
    type='mmxkd.SoundDetectionMetric',
    truth='boxes of the synthetic drives',
    parts=dict(day='drive_day', night='drive_night'))
# Beside it COCO's numbers, where frames without cars count too, and tracks.
test_truth = data_root + 'annotations/test_truth.json'
test_evaluator = [
    val_evaluator,
    dict(type='CocoMetric', ann_file=test_truth, metric='bbox'),
    dict(
        type='mmxkd.DriveTrackMetric',
        ann_file=test_truth,
        parts=val_evaluator['parts']),
]
del test_truth
