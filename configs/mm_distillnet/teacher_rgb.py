# The teacher that sees colour pictures: EfficientDet-D2. MAVD has no labels,
# so it learns from other drives, which have: docs/mm_distillnet.md.
_base_ = [
    '../_base_/models/efficientdet_d2.py',
    '../_base_/datasets/mavd.py',
    '../_base_/schedules/mm_distillnet.py',
    '../_base_/default_runtime.py',
]
labelled = dict(data_root='data/drives_labelled/', cameras=('rgb', ))

model = dict(
    data_preprocessor=dict(
        type='mmxkd.ModalityDetDataPreprocessor', modalities=('img', )),
    bbox_head=dict(num_classes=1))

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
default_hooks = dict(checkpoint=dict(save_best='sound/AP'))
custom_hooks = [dict(type='mmxkd.EpochSeedHook')]
del labelled
