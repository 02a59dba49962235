# The tiny student, taught by the tiny teacher, on blood cells (BCCD).
_base_ = ['./mb2-ssdlite_bccd_tiny.py', '../_base_/distillers/chen.py']

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        vgg=dict(
            cfg='configs/ssd_kd/vgg16-ssd_bccd_tiny.py',
            checkpoint='work_dirs/vgg16-ssd_bccd_tiny')),
    distiller=_base_.chen)
