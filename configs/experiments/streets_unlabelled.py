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
            f'{{{teacher}.checkpoint}}', '--data', '{data.streets}', '--ann',
            'annotations/unlabelled.json', '--out', '{out}/labels.json',
            '--cfg-options', 'val_dataloader.dataset.data_root={data.streets}',
            'val_evaluator.ann_file={data.streets}/annotations/val.json'
        ],
        outputs=dict(boxes='labels.json'))


def learns_from(labels):
    first, second = (f'train_dataloader.dataset.datasets.{i}' for i in (0, 1))
    return dict(
        config='configs/streets/streets_pseudo_tiny.py',
        datasets=(first, second),
        reads={f'{labels}.boxes': f'{second}.ann_file'},
        options=length(36))


arms = dict(
    teacher=dict(config='configs/streets/streets_teacher_tiny.py'),
    baseline=dict(config='configs/streets/streets_baseline_tiny.py'),
    # Three times as long.
    teacher_long=dict(
        config='configs/streets/streets_teacher_tiny.py', options=length(72)),
    baseline_long=dict(
        config='configs/streets/streets_baseline_tiny.py', options=length(72)),
    # The teacher's boxes on frames without labels.
    labels=labelled_by('teacher_long'),
    pseudo=learns_from('labels'),
    # The baseline's own boxes: what needs no other modality.
    own_labels=labelled_by('baseline_long'),
    self_training=learns_from('own_labels'),
    # Labels by humans on all frames: what can be reached.
    human=dict(
        config='configs/streets/streets_all_labelled_tiny.py',
        datasets=('train_dataloader.dataset.datasets.0',
                  'train_dataloader.dataset.datasets.1'),
        options=length(36)))
teacher = ('teacher', 'teacher_long')
baseline = ('baseline', 'baseline_long')
reachable = 'human'
