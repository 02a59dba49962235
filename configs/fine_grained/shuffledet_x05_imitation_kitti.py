# Fine-grained imitation: the student of half the width makes the teacher's
# last map near objects. lambda is 1.
_base_ = ['./shuffledet_x05_kitti.py', '../_base_/distillers/imitation.py']

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        x1=dict(
            cfg='configs/fine_grained/shuffledet_x1_kitti.py',
            checkpoint='work_dirs/shuffledet_x1_kitti')),
    distiller=_base_.imitation)
