# The arms of mono3d_smoke.py with mmdet3d's PGD, whose step takes longest:
# 960 steps. benchmarks/mono_gap.py --detector pgd.
_base_ = './mono3d_smoke.py'

arms = dict(
    teacher=dict(config='configs/monommkd/pgd_teacher_tiny.py', epochs=6),
    student=dict(config='configs/monommkd/pgd_student_tiny.py', epochs=6),
    mmkd=dict(config='configs/monommkd/pgd_mmkd_tiny.py', epochs=6))
