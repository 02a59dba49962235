# KITTI as ShuffleDet was trained on it: all images at one size, shifted at the
# left and the top, mirrored, with other colours. All of the objects of the
# three classes count, however hard; everything else is background.
_base_ = './kitti_2d.py'

input_scale = (1248, 384)
# Where the image drifts away from, the mean colour: 0 after normalisation.
mean_bgr = [103.939, 116.779, 123.68]

load_image = dict(type='LoadImageFromFile', _scope_='mmxkd')
load_boxes = dict(type='LoadAnnotations', with_bbox=True)
resize = dict(type='mmxkd.Resize', scale=input_scale, keep_ratio=False)

train_pipeline = [
    load_image, load_boxes,
    dict(type='mmxkd.IncludeLastPixel'),
    dict(type='mmxkd.ShuffleDetPhotometric', legacy_bugs=False),
    dict(type='mmxkd.RandomDrift', max_x=150, max_y=100, fill=mean_bgr),
    dict(type='mmxkd.ShuffleDetFlip', prob=0.5, legacy_bugs=False), resize,
    dict(type='PackDetInputs')
]
test_pipeline = [
    load_image,
    dict(type='mmxkd.ImageToFloat32'), resize, load_boxes,
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                   'scale_factor'))
]

# 4 GPUs with 8 frames each. A frame without objects is trained on too.
train_dataloader = dict(
    batch_size=8, dataset=dict(hardest=None, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
