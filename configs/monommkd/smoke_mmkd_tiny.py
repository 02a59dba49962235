# The tiny SMOKE, taught by its twin that sees depth: three levels of the
# backbone, since its neck returns one.
_base_ = './smoke_student_tiny.py'
teacher = dict(
    cfg='configs/monommkd/smoke_teacher_tiny.py',
    checkpoint='work_dirs/smoke_teacher_tiny')
places = dict(student='backbone[3:6]', teacher='depth:backbone[3:6]')
model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(depth=teacher),
    distiller=dict(
        losses=dict(loss_mmkd=dict(_base_.mmkd, in_channels=16, **places))))
