# Fine-grained imitation for the student of a quarter of the width. lambda is
# 0.5: the published code divides by 4 N in place of 2 N.
_base_ = './shuffledet_x05_imitation_kitti.py'

model = dict(
    student=dict(backbone=dict(width=0.25), bbox_head=dict(in_channels=192)),
    distiller=dict(losses=dict(loss_imitation=dict(loss_weight=0.5))))
