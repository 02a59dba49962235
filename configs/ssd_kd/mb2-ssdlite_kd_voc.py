# Stage 2: the student of mb2-ssdlite_voc.py learns from the teacher of
# vgg16-ssd_voc.py, by the losses of Chen et al. as a published SSD version
# has them: one bound for the batch, and a hint on all class logits.
_base_ = ['./mb2-ssdlite_voc.py', '../_base_/distillers/chen.py']

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        vgg=dict(
            cfg='configs/ssd_kd/vgg16-ssd_voc.py',
            checkpoint='work_dirs/vgg16-ssd_voc')),
    distiller=_base_.chen)
