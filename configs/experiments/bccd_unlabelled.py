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
            f'{{{teacher}.checkpoint}}', '--data', '{data.bccd}', '--ann',
            'annotations/unlabelled.json', '--out', '{out}/labels.json',
            '--cfg-options', 'val_dataloader.dataset.data_root={data.bccd}',
            'val_evaluator.ann_file={data.bccd}/annotations/val.json'
        ],
        outputs=dict(boxes='labels.json'))


def learns_from(labels):
    first, second = (f'train_dataloader.dataset.datasets.{i}' for i in (0, 1))
    return dict(
        config='configs/bccd/bccd_pseudo_tiny.py',
        datasets=(first, second),
        reads={f'{labels}.boxes': f'{second}.ann_file'},
        options=length(36))


arms = dict(
    teacher=dict(config='configs/bccd/bccd_teacher_tiny.py'),
    baseline=dict(config='configs/bccd/bccd_baseline_tiny.py'),
    # Three times as long.
    teacher_long=dict(
        config='configs/bccd/bccd_teacher_tiny.py', options=length(72)),
    baseline_long=dict(
        config='configs/bccd/bccd_baseline_tiny.py', options=length(72)),
    # The teacher's boxes on frames without labels.
    labels=labelled_by('teacher_long'),
    pseudo=learns_from('labels'),
    # The baseline's own boxes: what needs no other modality.
    own_labels=labelled_by('baseline_long'),
    self_training=learns_from('own_labels'),
    # Labels by humans on all frames: what can be reached.
    human=dict(
        config='configs/bccd/bccd_all_labelled_tiny.py',
        datasets=('train_dataloader.dataset.datasets.0',
                  'train_dataloader.dataset.datasets.1'),
        options=length(36)))
teacher = ('teacher', 'teacher_long')
baseline = ('baseline', 'baseline_long')
reachable = 'human'
