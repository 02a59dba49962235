# LEAP, which learns the teacher's soft scores, too (Chen et al., both heads).
_base_ = './fog_leap_mse_tiny.py'

model = dict(
    distiller=dict(
        _delete_=True,
        losses=dict(
            loss_rpn=dict(
                type='ChenDenseHeadLoss',
                student='rpn_head',
                teacher='gated:rpn_head'),
            loss_roi=dict(
                type='ChenRoIHeadLoss',
                student='roi_head',
                teacher='gated:roi_head'))))
