# The arms of mono3d_smoke.py with mmdet3d's PGD:
# benchmarks/mono_gap.py --detector pgd.
_base_ = './mono3d_smoke.py'

arms = dict(
    teacher=dict(config='configs/monommkd/pgd_teacher_tiny.py'),
    student=dict(config='configs/monommkd/pgd_student_tiny.py'),
    mmkd=dict(config='configs/monommkd/pgd_mmkd_tiny.py'))
