# The student of a quarter of the width, without a teacher: the baseline.
_base_ = './shuffledet_x1_kitti.py'

model = dict(
    backbone=dict(width=0.25, stem_channels=24, first_expand_groups=3),
    bbox_head=dict(in_channels=192))
