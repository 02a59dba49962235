# What does the student of fog learn from frames without labels? With tiny
# models on synthetic fog: 180 frames have labels, 1,200 paired ones have none.
#
#   python tools/experiment.py configs/experiments/fog_unlabelled.py
#
# docs/unlabelled_frames.md draws the data; docs/experiments.md says what each
# key means.
_base_ = './fog.py'


# 1,080 iterations, on labelled frames alone or on batches of either kind.
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


def learns_from(labels):
    first, second = (f'train_dataloader.dataset.datasets.{i}' for i in (0, 1))
    return dict(
        config='configs/cmkd/fog_pseudo_tiny.py',
        starts_from='pretrain',
        datasets=(first, second),
        reads={f'{labels}.boxes': f'{second}.ann_file'},
        options=length(12))


arms = dict(
    teacher_long=dict(
        config='configs/cmkd/fog_teacher_tiny.py',
        starts_from='pretrain',
        options=length(24)),
    baseline_long=dict(
        config='configs/cmkd/fog_baseline_tiny.py',
        starts_from='pretrain',
        options=length(24)),
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
        datasets=('train_dataloader.dataset.datasets.0',
                  'train_dataloader.dataset.datasets.1'),
        options=length(12)))
teacher = ('teacher', 'teacher_long')
baseline = ('baseline', 'baseline_long')
reachable = 'human'
