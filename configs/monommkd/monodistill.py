# MonoDistill's losses on this student (Chong et al., ICLR 2022): affinity of
# positions, features in boxes, and what the heads predict.
# Released on another detector (MonoDLE). Settled here: its three backbone
# levels and fusion are kept; both feature losses share the fusion, as there,
# and so do the divisions by the batch size and the rule of cells. Boxes are
# those of the three classes, also of objects too hard to be learned; the
# released code takes every label's, DontCare's too. The heads are compared by
# MonoSKD's terms for DID-M3D. The teacher is in eval mode; there it was not.
# Depth is normalised as the teacher's, not by MonoDistill's mean and std. The
# student starts from nothing.
_base_ = ['./student.py', '../_base_/distillers/mono3d.py']

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        depth=dict(
            cfg='configs/monommkd/teacher.py',
            checkpoint='work_dirs/teacher',
            # The heads are compared on the same objects.
            mode='loss')),
    distiller=_base_.monodistill)
