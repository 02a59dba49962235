# The arms of mono3d_smoke.py with mmdet3d's FCOS3D:
# benchmarks/mono_gap.py --detector fcos3d.
_base_ = './mono3d_smoke.py'

arms = dict(
    teacher=dict(config='configs/monommkd/fcos3d_teacher_tiny.py'),
    student=dict(config='configs/monommkd/fcos3d_student_tiny.py'),
    mmkd=dict(config='configs/monommkd/fcos3d_mmkd_tiny.py'))
