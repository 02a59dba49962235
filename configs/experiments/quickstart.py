# What demo/quickstart.sh trains: the seeds' arms of fog.py, and a student that
# learns from frames without labels by LEAP (docs/leap.md), beside a baseline
# that is trained as long.
_base_ = './fog.py'
num_seeds = 1

arms = dict(
    baseline_long=dict(
        config='configs/cmkd/fog_baseline_tiny.py',
        starts_from='pretrain',
        epochs=24),
    labels=dict(labels_of='teacher', mirror=True),
    leap=dict(
        config='configs/leap/fog_leap_tiny.py',
        starts_from='teacher',
        labelled_by='labels',
        epochs=12))
baseline = ('baseline', 'baseline_long')
