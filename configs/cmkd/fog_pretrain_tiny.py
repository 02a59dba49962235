# What the tiny models start from, as the large ones do from a COCO detector:
# the tiny baseline, trained on clear frames without fog.
_base_ = './fog_baseline_tiny.py'
data_root = 'data/stf_synthetic_clear/'

train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = test_dataloader = dict(dataset=dict(data_root=data_root))
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')
