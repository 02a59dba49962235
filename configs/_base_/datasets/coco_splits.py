# One COCO file per split, and COCO's metric. A data set that names this as its
# base adds its class, its folder and its pipelines.
_base_ = './loaders.py'

# Frames without an object are trained on too.
train_dataloader = dict(
    dataset=dict(ann_file='annotations/train.json', filter_cfg=None))
val_dataloader = dict(dataset=dict(ann_file='annotations/val.json'))
test_dataloader = dict(dataset=dict(ann_file='annotations/test.json'))

val_evaluator = dict(type='CocoMetric', metric='bbox')
test_evaluator = val_evaluator
