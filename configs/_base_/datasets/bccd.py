# Blood cells (BCCD) in the layout of tools/dataset_converters/voc.py. Every
# picture is made dark and noisy, always in the same way; `clean` is the
# picture as it was. The pipelines of a model that sees the dark picture alone
# are in use; a teacher takes the `clean_*` ones in their place.
_base_ = './coco_splits.py'
data_root = 'data/bccd/'
cells = dict(classes=('RBC', 'WBC', 'Platelets'))

# mmxkd's loader raises on a file that mmdet's would repair in silence; mmdet's
# inferencers look for this name.
load_image = dict(type='LoadImageFromFile', _scope_='mmxkd')
darken = dict(
    type='mmxkd.LowLight',
    light=(0.01, 0.04),
    electrons=1000.,
    read_noise=3.,
    seed=0)
load_boxes = dict(type='LoadAnnotations', with_bbox=True)
# Half the size of the files.
resize = dict(type='mmxkd.Resize', scale=(320, 240), keep_ratio=True)
flip = dict(type='mmxkd.RandomFlip', prob=0.5)
test_meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape',
                  'scale_factor')
pack_image = dict(type='mmxkd.PackMultiModalInputs', modalities=('img', ))

train_pipeline = [load_image, darken, load_boxes, resize, flip, pack_image]
test_pipeline = [
    load_image, darken, resize, load_boxes,
    dict(pack_image, meta_keys=test_meta_keys)
]
clean_train_pipeline = [
    load_image, darken, load_boxes, resize, flip,
    dict(pack_image, modalities=('img', 'clean'))
]
clean_test_pipeline = [
    load_image, darken, resize, load_boxes,
    dict(pack_image, modalities=('img', 'clean'), meta_keys=test_meta_keys)
]
# The dark picture alone, where some frames are labelled by a teacher, whose
# boxes have scores.
human_train_pipeline = [
    load_image, darken, load_boxes,
    dict(type='mmxkd.MarkSource', source='human'), resize, flip, pack_image
]
teacher_train_pipeline = [
    load_image, darken, load_boxes,
    dict(type='mmxkd.MarkSource', source='teacher'), resize, flip, pack_image
]

bccd = dict(
    type='mmxkd.ScoredCocoDataset',
    data_root=data_root,
    # The file names of the pictures already hold their folder.
    data_prefix=dict(img=''),
    metainfo=cells)
train_dataloader = dict(dataset=dict(**bccd, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    dataset=dict(**bccd, pipeline=test_pipeline))
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')
