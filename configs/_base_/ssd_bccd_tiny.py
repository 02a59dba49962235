# The recipe of ssd_tiny.py on blood cells (BCCD) as COCO files, for
# experiments: validation and test pictures are apart.
#   python tools/dataset_converters/voc.py data/BCCD data/bccd_voc \
#       --classes RBC WBC Platelets --clip
_base_ = './ssd_tiny.py'
data_root = 'data/bccd_voc/'
cells = dict(
    _delete_=True,
    type='mmxkd.ScoredCocoDataset',
    data_root=data_root,
    # The file names of the pictures already hold their folder.
    data_prefix=dict(img=''),
    filter_cfg=None,
    metainfo=dict(classes=('RBC', 'WBC', 'Platelets')))
tested = dict(cells, test_mode=True, pipeline=_base_.test_pipeline)

train_dataloader = dict(
    dataset=dict(
        **cells,
        ann_file='annotations/train.json',
        pipeline=_base_.short_pipeline))
val_dataloader = dict(dataset=dict(**tested, ann_file='annotations/val.json'))
test_dataloader = dict(
    dataset=dict(**tested, ann_file='annotations/test.json'))
coco = dict(_delete_=True, type='CocoMetric', metric='bbox')
val_evaluator = dict(**coco, ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(**coco, ann_file=data_root + 'annotations/test.json')
default_hooks = dict(checkpoint=dict(save_best='coco/bbox_mAP'))
del cells, tested, coco
