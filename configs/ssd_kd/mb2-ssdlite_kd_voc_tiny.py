# The tiny student, taught by the tiny teacher.
_base_ = ['./mb2-ssdlite_voc_tiny.py', '../_base_/distillers/chen.py']

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        vgg=dict(
            cfg='configs/ssd_kd/vgg16-ssd_voc_tiny.py',
            checkpoint='work_dirs/vgg16-ssd_voc_tiny')),
    distiller=_base_.chen)
