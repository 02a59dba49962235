"""A distillation config in MMRazor's form, as a user writes it."""
from tests.helpers.tiny_run import write_config

DISTILLER = '''dict(
    type='ConfigurableDistiller',
    student_recorders=dict(fpn=dict(type='ModuleOutputs', source='neck')),
    teacher_recorders=dict(fpn=dict(type='ModuleOutputs', source='neck')),
    distill_losses=dict(loss_p3=dict(type='PKDLoss', loss_weight=6)),
    loss_forward_mappings=dict(loss_p3=dict(
        preds_S=dict(from_student=True, recorder='fpn', data_idx=0),
        preds_T=dict(from_student=False, recorder='fpn', data_idx=0))))'''
TEACHER = "dict(cfg_path='mmdet::retinanet/retinanet_r101_fpn_2x_coco.py')"
INLINE = '''
_base_ = 'student.py'
student = _base_.model
student['neck']['out_channels'] = 12
model = dict(
    _scope_='mmrazor', _delete_=True, type='SingleTeacherDistill',
    architecture=student, teacher=TEACHER, teacher_ckpt='mine.pth',
    {more}distiller=DISTILLER)
'''


def write_mmrazor_config(tmp_path, text=INLINE, more=''):
    """``old.py`` of the text, beside the ``student.py`` of a tiny run."""
    write_config(tmp_path / 'student.py', tmp_path / 'data', epochs=1)
    old = tmp_path / 'old.py'
    text = text.replace('{more}', more).replace('DISTILLER', DISTILLER)
    old.write_text(text.replace('TEACHER', TEACHER))
    return old
