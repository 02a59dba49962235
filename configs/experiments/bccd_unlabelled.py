# What does a student learn from real pictures without labels? With tiny models
# on blood cells: the teacher sees a dark, noisy picture and a clean one, the
# student the dark one; 60 frames have labels, 145 have none.
#
#   python tools/dataset_converters/voc.py data/BCCD data/bccd \
#       --classes RBC WBC Platelets --clip --labelled 60
#   python tools/experiment.py configs/experiments/bccd_unlabelled.py
#
# docs/data_voc.md draws the data; docs/experiments.md says what each key
# means.
data_roots = dict(bccd='data/bccd')
tested_on = 'bccd'
splits = ('val', 'test')
num_seeds = 3

arms = dict(
    teacher=dict(config='configs/bccd/bccd_teacher_tiny.py'),
    baseline=dict(config='configs/bccd/bccd_baseline_tiny.py'),
    # Three times as long: 1,080 iterations, as all that follow.
    teacher_long=dict(config='configs/bccd/bccd_teacher_tiny.py', epochs=72),
    baseline_long=dict(config='configs/bccd/bccd_baseline_tiny.py', epochs=72),
    # The teacher's boxes on frames without labels.
    labels=dict(labels_of='teacher_long'),
    pseudo=dict(
        config='configs/bccd/bccd_pseudo_tiny.py',
        labelled_by='labels',
        epochs=36),
    # The baseline's own boxes: what needs no other modality.
    own_labels=dict(labels_of='baseline_long'),
    self_training=dict(
        config='configs/bccd/bccd_pseudo_tiny.py',
        labelled_by='own_labels',
        epochs=36),
    # Labels by humans on all frames: what can be reached.
    human=dict(config='configs/bccd/bccd_all_labelled_tiny.py', epochs=36))
teacher = ('teacher', 'teacher_long')
baseline = ('baseline', 'baseline_long')
reachable = 'human'
