# What does the student of fog learn from frames without labels? With tiny
# models on synthetic fog: 179 frames have labels, 1,200 paired ones have none.
#
#   python tools/experiment.py configs/experiments/fog_unlabelled.py
#
# docs/unlabelled_frames.md draws the data; docs/experiments.md says what each
# key means.
_base_ = './fog.py'


# All arms of this file train for 2,160 iterations, but for LEAP from the
# detector of clear frames.
def arm(config, start='pretrain', **others):
    return dict(config=f'configs/{config}.py', starts_from=start, **others)


arms = dict(
    teacher_long=arm('cmkd/fog_teacher_tiny', epochs=48),
    baseline_long=arm('cmkd/fog_baseline_tiny', epochs=48),
    # With mirrored pictures, as LEAP has them.
    baseline_mirrored=arm(
        'leap/ablation/fog_baseline_mirrored_tiny', epochs=48),
    # The teacher's boxes on frames without labels.
    labels=dict(labels_of='teacher_long'),
    pseudo=arm('cmkd/fog_pseudo_tiny', labelled_by='labels', epochs=24),
    # LEAP: labels of both views, the teacher's weights, mirrored pictures.
    both_labels=dict(labels_of='teacher_long', mirror=True),
    leap_long=arm(
        'leap/fog_leap_tiny',
        start='teacher_long',
        labelled_by='both_labels',
        epochs=24),
    # The baseline's own boxes: what needs no other modality.
    own_labels=dict(labels_of='baseline_long'),
    self_training=arm(
        'cmkd/fog_pseudo_tiny', labelled_by='own_labels', epochs=24),
    # Labels by humans on all frames: what can be reached.
    human=arm('cmkd/fog_all_labelled_tiny', epochs=24),
    # A third of the labels, for the teacher too.
    few=dict(
        command=[
            'tools/dataset_converters/coco_subset.py',
            '{data.fog}/annotations/train.json', '--frames', '60', '--seed',
            '{seed}', '--out', '{out}/train_60.json'
        ],
        outputs=dict(frames='train_60.json')),
    teacher_60=arm(
        'cmkd/fog_teacher_tiny',
        reads={'few.frames': 'train_dataloader.dataset.ann_file'},
        epochs=144),
    labels_60=dict(labels_of='teacher_60'),
    pseudo_60=arm(
        'cmkd/fog_pseudo_tiny',
        labelled_by='labels_60',
        reads={'few.frames': 'train_dataloader.dataset.datasets.0.ann_file'},
        epochs=72))
teacher = ('teacher', 'teacher_long')
baseline = ('baseline', 'baseline_long', 'baseline_mirrored')
reachable = 'human'
