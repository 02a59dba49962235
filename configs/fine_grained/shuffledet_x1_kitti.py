# The teacher. Its stem is narrower than that of the students, and its first
# unit therefore ends without groups.
_base_ = [
    '../_base_/models/shuffledet.py',
    '../_base_/datasets/kitti_2d_shuffledet.py',
    '../_base_/default_runtime.py',
    '../_base_/schedules/shuffledet.py',
]
model = dict(backbone=dict(stem_channels=16, first_expand_groups=1))

# The mean over the three classes.
default_hooks = dict(
    checkpoint=dict(
        interval=5, save_best='kitti/Overall_bbox_AP40_moderate_strict'))
