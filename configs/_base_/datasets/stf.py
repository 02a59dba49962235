# Seeing Through Fog in the training layout of
# tools/dataset_converters/stf.py. The pipelines of a model that sees RGB
# alone are in use; a teacher takes the `gated_*` ones in their place, and a
# distilled student, whose teacher reads the same batch, the one for training.
_base_ = './coco_splits.py'
data_root = 'data/stf/'

# mmxkd's loader raises on a file that mmdet's would repair in silence; mmdet's
# inferencers look for this name.
load_image = dict(type='LoadImageFromFile', _scope_='mmxkd')
load_gated = dict(type='mmxkd.LoadGatedSlices')
load_boxes = dict(type='LoadAnnotations', with_bbox=True)
resize = dict(type='mmxkd.Resize', scale=(1333, 500), keep_ratio=True)
test_meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape',
                  'scale_factor')

train_pipeline = [load_image, load_boxes, resize, dict(type='PackDetInputs')]
test_pipeline = [
    load_image, resize, load_boxes,
    dict(type='PackDetInputs', meta_keys=test_meta_keys)
]
gated_train_pipeline = [
    load_image, load_gated, load_boxes, resize,
    dict(type='mmxkd.PackMultiModalInputs', modalities=('img', 'gated'))
]
gated_test_pipeline = [
    load_image, load_gated, resize, load_boxes,
    dict(
        type='mmxkd.PackMultiModalInputs',
        modalities=('img', 'gated'),
        meta_keys=test_meta_keys)
]
# Where some frames are labelled by a teacher, whose boxes have scores: for RGB
# alone, and for a student that the teacher teaches in each step, too.
by_human = dict(type='mmxkd.MarkSource', source='human')
by_teacher = dict(type='mmxkd.MarkSource', source='teacher')
pack_image = dict(type='mmxkd.PackMultiModalInputs', modalities=('img', ))
pack_all = dict(type='mmxkd.PackMultiModalInputs', modalities=('img', 'gated'))
human_train_pipeline = [load_image, load_boxes, by_human, resize, pack_image]
teacher_train_pipeline = [
    load_image, load_boxes, by_teacher, resize, pack_image
]
gated_human_train_pipeline = [
    load_image, load_gated, load_boxes, by_human, resize, pack_all
]
gated_teacher_train_pipeline = [
    load_image, load_gated, load_boxes, by_teacher, resize, pack_all
]

stf = dict(type='mmxkd.STFDataset', data_root=data_root)
train_dataloader = dict(dataset=dict(**stf, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    dataset=dict(**stf, pipeline=test_pipeline))
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')
