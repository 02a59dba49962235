# The gap between mmdet3d's PGD on LiDAR depth and on RGB, and what a student
# that is taught recovers: benchmarks/mono_gap.py --detector pgd.
data_roots = dict(streets='data/kitti_synthetic_mono')
tested_on = 'streets'
splits = ('val', )
benchmark = 'kitti_cars_3d'
num_seeds = 3

arms = dict(
    teacher=dict(config='configs/monommkd/pgd_teacher_tiny.py', epochs=10),
    student=dict(config='configs/monommkd/pgd_student_tiny.py', epochs=10),
    mmkd=dict(
        config='configs/monommkd/pgd_mmkd_tiny.py',
        taught_by=dict(teacher='model.teachers.depth.checkpoint'),
        epochs=10))
teacher = 'teacher'
baseline = 'student'
