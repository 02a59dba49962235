# How much of the gap between a teacher of LiDAR depth and a student of RGB
# do MonoMMKD (our reading), MonoDistill and MonoSKD recover, on synthetic
# streets, with tiny models? And which part of MonoMMKD does it?
#
#   python benchmarks/mono_gap.py --seeds 5     # draws the streets too
#
# docs/experiments.md says what each key means.
data_roots = dict(streets='data/kitti_synthetic_mono')
tested_on = 'streets'
splits = ('val', )
benchmark = 'kitti_cars_3d'
num_seeds = 5

# 1600 steps of 4 of the 640 frames.
epochs = 10
taught = dict(
    taught_by=dict(teacher='model.teachers.depth.checkpoint'), epochs=epochs)
mmkd = dict(config='configs/monommkd/mmkd_tiny.py', **taught)
loss = 'model.distiller.losses.loss_mmkd'
arms = dict(
    teacher=dict(config='configs/monommkd/teacher_tiny.py', epochs=epochs),
    student=dict(config='configs/monommkd/student_tiny.py', epochs=epochs),
    mmkd=mmkd,
    monodistill=dict(config='configs/monommkd/monodistill_tiny.py', **taught),
    monoskd=dict(config='configs/monommkd/monoskd_tiny.py', **taught),
    mse=dict(config='configs/monommkd/mse_tiny.py', **taught),
    no_branch=dict(config='configs/monommkd/mmkd_no_branch_tiny.py', **taught),
    no_uncertainty=dict(mmkd, options={f'{loss}.uncertainty': 'none'}),
    lid=dict(
        mmkd, options={
            f'{loss}.bins.rule': 'lid',
            f'{loss}.bins.near': 2.
        }))
teacher = 'teacher'
baseline = 'student'
del epochs, taught, mmkd, loss
