# The alignment of MM-DistillNet on all frames, with one teacher.
_base_ = './fog_boxes_mse_tiny.py'

model = dict(
    distiller=dict(
        _delete_=True,
        losses=dict(
            loss_mta=dict(
                type='MultiTeacherAlignmentLoss',
                loss_weight=10000.0,
                student='neck[:4]',
                teacher='gated:neck[:4]'))))
