# The tiny teacher that sees colour pictures; by day, since drives at night are
# dark. It learns from drives of its own, which have labels.
_base_ = '../_base_/sound_tiny.py'
labelled = dict(data_root='data/drives_labelled/', cameras=('rgb', ))

model = dict(
    **_base_.detector,
    data_preprocessor=dict(
        type='mmxkd.ModalityDetDataPreprocessor',
        modalities=('img', ),
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=64))

train_dataloader = dict(
    dataset=dict(
        **labelled,
        ann_file='annotations/train_truth.json',
        unlabelled=False,
        pipeline=_base_.camera_train_pipelines.rgb))
val_dataloader = dict(
    dataset=dict(**labelled, pipeline=_base_.camera_test_pipelines.rgb))
test_dataloader = dict(
    dataset=dict(cameras=('rgb', ), pipeline=_base_.camera_test_pipelines.rgb))
del labelled
