# Variant B: VGG-11 imitates the last map of VGG-16 near objects, with the IoU
# of inclusive pixels; lambda is 0.01, after 400 iterations without.
_base_ = './faster-rcnn_vgg11_voc.py'

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        vgg16=dict(
            cfg='configs/fine_grained/faster-rcnn_vgg16_voc.py',
            checkpoint='work_dirs/faster-rcnn_vgg16_voc')),
    distiller=dict(
        losses=dict(
            loss_imitation=dict(
                type='FineGrainedImitationLoss',
                loss_weight=dict(type='Constant', value=0.01, begin=400),
                psi=0.5,
                plus_one=True,
                student='backbone[0]',
                teacher='vgg16:backbone[0]',
                connector=dict(
                    type='ConvConnector',
                    kernel_sizes=[3],
                    last_activation=True,
                    init_std=1e-4)))))
