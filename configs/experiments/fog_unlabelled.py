# What does the student of fog learn from frames without labels? With tiny
# models on synthetic fog: 180 frames have labels, 1,200 paired ones have none.
#
#   python tools/experiment.py configs/experiments/fog_unlabelled.py
#
# docs/unlabelled_frames.md draws the data; docs/experiments.md says what each
# key means.
_base_ = './fog.py'


# How long an arm trains: 2,160 iterations, on labelled frames alone or on
# batches of either kind.
def length(epochs):
    return {
        'train_cfg.max_epochs': epochs,
        'train_cfg.val_interval': epochs,
        'param_scheduler.1.T_max': epochs
    }


def labelled_by(teacher):
    return dict(
        command=[
            'tools/label.py', f'{{{teacher}.config}}',
            f'{{{teacher}.checkpoint}}', '--data', '{data.fog}', '--ann',
            'annotations/unlabelled.json', '--out', '{out}/labels.json',
            '--cfg-options', 'val_dataloader.dataset.data_root={data.fog}',
            'val_evaluator.ann_file={data.fog}/annotations/val.json'
        ],
        outputs=dict(boxes='labels.json'))


# The key of the labelled (0) or the unlabelled (1) frames.
def part(i):
    return f'train_dataloader.dataset.datasets.{i}'


def learns_from(labels, epochs=24):
    return dict(
        config='configs/cmkd/fog_pseudo_tiny.py',
        starts_from='pretrain',
        datasets=(part(0), part(1)),
        reads={f'{labels}.boxes': f'{part(1)}.ann_file'},
        options=length(epochs))


def with_few_labels(arm, key='train_dataloader.dataset'):
    return dict(
        arm, reads={
            'few.frames': f'{key}.ann_file',
            **arm.get('reads', {})
        })


def alone(config, epochs):
    return dict(
        config=f'configs/cmkd/{config}.py',
        starts_from='pretrain',
        options=length(epochs))


arms = dict(
    teacher_long=alone('fog_teacher_tiny', 48),
    baseline_long=alone('fog_baseline_tiny', 48),
    # The teacher's boxes on frames without labels.
    labels=labelled_by('teacher_long'),
    pseudo=learns_from('labels'),
    # The baseline's own boxes: what needs no other modality.
    own_labels=labelled_by('baseline_long'),
    self_training=learns_from('own_labels'),
    # Labels by humans on all frames: what can be reached.
    human=dict(
        config='configs/cmkd/fog_all_labelled_tiny.py',
        starts_from='pretrain',
        datasets=(part(0), part(1)),
        options=length(24)),
    # A third of the labels, for the teacher too.
    few=dict(
        command=[
            'tools/dataset_converters/coco_subset.py',
            '{data.fog}/annotations/train.json', '--frames', '60', '--seed',
            '{seed}', '--out', '{out}/train_60.json'
        ],
        outputs=dict(frames='train_60.json')),
    teacher_60=with_few_labels(alone('fog_teacher_tiny', 144)),
    labels_60=labelled_by('teacher_60'),
    pseudo_60=with_few_labels(learns_from('labels_60', epochs=72), part(0)))
teacher = ('teacher', 'teacher_long')
baseline = ('baseline', 'baseline_long')
reachable = 'human'
