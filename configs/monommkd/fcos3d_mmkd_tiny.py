# The tiny FCOS3D, taught by its twin that sees depth: the three levels
# of the neck.
_base_ = './fcos3d_student_tiny.py'
teacher = dict(
    cfg='configs/monommkd/fcos3d_teacher_tiny.py',
    checkpoint='work_dirs/fcos3d_teacher_tiny')
loss = dict(in_channels=32, student='neck[0:3]', teacher='depth:neck[0:3]')
model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(depth=teacher),
    distiller=dict(losses=dict(loss_mmkd=dict(_base_.mmkd, **loss))))
