# Do three cameras teach eight microphones more than one does? With tiny
# models on synthetic drives. The teachers learn from drives of their own,
# which have labels; the students have none.
#
#   D=tools/dataset_converters
#   python $D/synthetic_sound.py data/drives \
#       --train 120 --val 10 --test 24 --interval 0.5 --seed 1
#   python $D/synthetic_sound.py data/drives_labelled \
#       --train 60 --val 10 --test 2 --interval 0.5 --seed 2
#   python $D/mavd.py data/drives --columns all --sample-rate 16000
#   python $D/mavd.py data/drives_labelled --columns all --sample-rate 16000 \
#       --label-train
#   python benchmarks/sound_gap.py
#
# docs/experiments.md says what each key means.
data_roots = dict(drives='data/drives', labelled='data/drives_labelled')
tested_on = 'drives'
splits = ('val', 'test')
benchmark = 'sound_boxes'
num_seeds = 3


def camera(name):
    return dict(
        config=f'configs/mm_distillnet/teacher_{name}_tiny.py',
        trained_on='labelled',
        epochs=12,
        ann_file='annotations/train_truth.json')


def taught(config, *cameras):
    return dict(
        config=f'configs/mm_distillnet/{config}_tiny.py',
        epochs=16,
        taught_by={c: f'model.teachers.{c}.checkpoint'
                   for c in cameras})


cameras = ('rgb', 'thermal', 'depth')
arms = dict(
    rgb=camera('rgb'),
    thermal=camera('thermal'),
    depth=camera('depth'),
    # Boxes of one camera, and a ranking loss; frames in which it finds nothing
    # teach that there is nothing, or nothing.
    stereosoundnet=taught('stereosoundnet', 'rgb'),
    stereosoundnet_skip=taught('stereosoundnet_skip', 'rgb'),
    # Boxes of three cameras, and joint, summed or no alignment.
    mm_distillnet=taught('mm_distillnet', *cameras),
    summed=taught('mm_distillnet_summed', *cameras),
    boxes=taught('boxes', *cameras))
teacher = cameras
baseline = ('stereosoundnet', 'stereosoundnet_skip')
del cameras
