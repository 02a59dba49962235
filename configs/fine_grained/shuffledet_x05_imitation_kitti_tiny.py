# Fine-grained imitation with tiny models.
_base_ = [
    './shuffledet_x05_kitti_tiny.py', '../_base_/distillers/imitation.py'
]

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        x1=dict(
            cfg='configs/fine_grained/shuffledet_x1_kitti_tiny.py',
            checkpoint='work_dirs/shuffledet_x1_kitti_tiny')),
    distiller=_base_.imitation)
