# MonoSKD's losses on this student (arXiv 2310.11316): correlation and affinity
# of four levels of the neck, and what the heads predict.
# Settled here: the correlation is what the released code computes, which ranks
# nothing (mode='released'); all losses weigh 1, and adapters are shared, as
# there. The teacher is in eval mode; there it was not. The released student
# starts from its own trained checkpoint, set `load_from` for that; this one
# starts from nothing, as all students here, so that they compare. Depth is
# normalised as the teacher's.
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
    distiller=_base_.monoskd)
