# With which weights does MonoMMKD (our reading) teach tiny models best? Scored
# on streets of which no table is made: weights are chosen here, and mono3d.py
# reports what they give on others.
#
#   python tools/dataset_converters/synthetic_kitti.py \
#       data/kitti_synthetic_mono_other --train 1 --val 320 --seed 7 \
#       --weather dense_fog=1 --night 0.5
#   python tools/dataset_converters/kitti.py \
#       data/kitti_synthetic_mono_other --depth
#   python tools/experiment.py configs/experiments/mono3d_weights.py
_base_ = './mono3d.py'

data_roots = dict(other='data/kitti_synthetic_mono_other')
tested_on = 'other'
num_seeds = 1

loss = 'model.distiller.losses.loss_mmkd'
on = dict(trained_on='streets')
mmkd = dict(_base_.arms.mmkd, **on)
arms = dict(
    _delete_=True,
    teacher=dict(_base_.arms.teacher, **on),
    student=dict(_base_.arms.student, **on),
    kd_1=dict(mmkd, options={f'{loss}.kd_weight': 1.}),
    kd_20=dict(mmkd, options={f'{loss}.kd_weight': 20.}),
    kd_20_mimic_03=dict(
        mmkd, options={
            f'{loss}.kd_weight': 20.,
            f'{loss}.mimic_weight': .3
        }),
    kd_20_fine=dict(
        mmkd,
        options={
            f'{loss}.kd_weight': 20.,
            f'{loss}.student': 'neck[0:3]',
            f'{loss}.teacher': 'depth:neck[0:3]'
        }),
    kd_100=dict(mmkd, options={f'{loss}.kd_weight': 100.}),
    kd_20_head=dict(
        mmkd,
        config='configs/monommkd/mmkd_head_tiny.py',
        options={f'{loss}.kd_weight': 20.}),
    kd_20_started=dict(
        mmkd,
        config='configs/monommkd/mmkd_started_tiny.py',
        starts_from='teacher',
        options={f'{loss}.kd_weight': 20.}))
del loss, on, mmkd
