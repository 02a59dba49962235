# What demo/quickstart.sh trains: the seeds' arms of fog.py, and a student that
# learns from boxes of the teacher on frames without labels, beside a baseline
# that is trained as long.
_base_ = './fog.py'
num_seeds = 1

arms = dict(
    baseline_long=dict(
        config='configs/cmkd/fog_baseline_tiny.py',
        starts_from='pretrain',
        epochs=24),
    labels=dict(labels_of='teacher'),
    pseudo=dict(
        config='configs/cmkd/fog_pseudo_tiny.py',
        starts_from='pretrain',
        labelled_by='labels',
        epochs=12))
baseline = ('baseline', 'baseline_long')
