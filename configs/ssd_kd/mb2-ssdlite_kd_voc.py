# Stage 2: the student of mb2-ssdlite_voc.py learns from the teacher of
# vgg16-ssd_voc.py, by the losses of Chen et al. as a published SSD version
# has them: one bound for the batch, and a hint on all class logits.
_base_ = './mb2-ssdlite_voc.py'

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        vgg=dict(
            cfg='configs/ssd_kd/vgg16-ssd_voc.py',
            checkpoint='work_dirs/vgg16-ssd_voc')),
    distiller=dict(
        losses=dict(
            loss_chen=dict(
                type='ChenDenseHeadLoss',
                student='bbox_head',
                teacher='vgg:bbox_head',
                mu=0.5,
                temperature=1.0,
                background_weight=1.5,
                nu=0.5,
                margin=0.0,
                bound='batch',
                logit_hint=0.5))))
