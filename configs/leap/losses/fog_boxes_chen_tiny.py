# Chen et al. on all frames: the teacher's scores and bounded boxes, in both
# heads.
_base_ = './fog_boxes_mse_tiny.py'

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
