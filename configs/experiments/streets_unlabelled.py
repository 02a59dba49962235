# What does a student of RGB learn from a teacher that sees depth too? With
# tiny models on synthetic streets: 60 frames have labels, 400 have none.
#
#   python tools/dataset_converters/synthetic_kitti.py data/kitti_synthetic \
#       --train 460 --val 240
#   python tools/dataset_converters/kitti.py data/kitti_synthetic --depth
#   python tools/dataset_converters/kitti_coco.py data/kitti_synthetic \
#       --labelled 60 --val 100
#   python tools/experiment.py configs/experiments/streets_unlabelled.py
#
# docs/synthetic_kitti.md draws the data; docs/experiments.md says what each
# key means.
data_roots = dict(streets='data/kitti_synthetic')
tested_on = 'streets'
splits = ('val', 'test')
num_seeds = 3

arms = dict(
    teacher=dict(config='configs/streets/streets_teacher_tiny.py'),
    baseline=dict(config='configs/streets/streets_baseline_tiny.py'),
    # Three times as long: 1,080 iterations, as all that follow.
    teacher_long=dict(
        config='configs/streets/streets_teacher_tiny.py', epochs=72),
    baseline_long=dict(
        config='configs/streets/streets_baseline_tiny.py', epochs=72),
    # The teacher's boxes on frames without labels.
    labels=dict(labels_of='teacher_long'),
    pseudo=dict(
        config='configs/streets/streets_pseudo_tiny.py',
        labelled_by='labels',
        epochs=36),
    # The baseline's own boxes: what needs no other modality.
    own_labels=dict(labels_of='baseline_long'),
    self_training=dict(
        config='configs/streets/streets_pseudo_tiny.py',
        labelled_by='own_labels',
        epochs=36),
    # Labels by humans on all frames: what can be reached.
    human=dict(
        config='configs/streets/streets_all_labelled_tiny.py', epochs=36))
teacher = ('teacher', 'teacher_long')
baseline = ('baseline', 'baseline_long')
reachable = 'human'
