# The tiny teacher on COCO files of synthetic streets, for experiments: their
# validation and test frames are apart.
#   python tools/dataset_converters/kitti_coco.py data/kitti_synthetic
_base_ = './shuffledet_x1_kitti_tiny.py'
data_root = 'data/kitti_synthetic/'
streets = dict(
    _delete_=True,
    type='mmxkd.ScoredCocoDataset',
    data_root=data_root,
    # The file names of the pictures already hold their folder.
    data_prefix=dict(img=''),
    # Frames without a road user are trained on too.
    filter_cfg=None,
    metainfo=dict(classes=('Car', 'Pedestrian', 'Cyclist')))

train_dataloader = dict(
    dataset=dict(
        **streets,
        ann_file='annotations/train.json',
        pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        **streets,
        ann_file='annotations/val.json',
        test_mode=True,
        pipeline=_base_.test_pipeline))
test_dataloader = dict(
    dataset=dict(
        **streets,
        ann_file='annotations/test.json',
        test_mode=True,
        pipeline=_base_.test_pipeline))
coco = dict(_delete_=True, type='CocoMetric', metric='bbox')
val_evaluator = dict(**coco, ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(**coco, ann_file=data_root + 'annotations/test.json')
default_hooks = dict(checkpoint=dict(save_best='coco/bbox_mAP'))
