# A tiny teacher for CI, a quarter as wide, on synthetic streets at a third of
# KITTI's size.
_base_ = ['./shuffledet_x1_kitti.py', '../_base_/tiny.py']
data_root = 'data/kitti_synthetic/'
epochs = 24


# So are the shifts of the pictures on disk, which have half of the size, and
# the anchors below.
def at_own_size(pipeline):
    found = []
    for step in pipeline:
        step = dict(step)
        if 'scale' in step:
            step['scale'] = (416, 128)
        if 'max_x' in step:
            step.update(max_x=75, max_y=50)
        found.append(step)
    return found


train_pipeline = at_own_size(_base_.train_pipeline)
test_pipeline = at_own_size(_base_.test_pipeline)

train_dataloader = dict(
    **_base_.tiny.loader,
    batch_size=4,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
val_evaluator = test_evaluator = dict(ann_file=data_root +
                                      'kitti_infos_val.json')

sizes = [[12, 12], [122, 58], [38, 20], [54, 29], [13, 30], [86, 58], [75, 36],
         [26, 57], [24, 14]]
model = dict(
    backbone=dict(channels=(60, 120, 240, 240, 192), stem_channels=12),
    bbox_head=dict(
        in_channels=192, dropout=0.1, anchor_generator=dict(sizes=sizes)))

train_cfg = dict(max_epochs=epochs, val_interval=epochs)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        T_max=epochs,
        eta_min=2e-9,
        convert_to_iter_based=True)
]
# A training that is stopped goes on from its last epoch.
default_hooks = dict(checkpoint=dict(interval=1))
