# How much of the gap between teacher and baseline do the students of CMKD
# recover, on synthetic fog, with tiny models?
#
#   bash demo/quickstart.sh                                   # draws the data
#   python tools/experiment.py configs/experiments/fog.py     # fills the table
#
# docs/experiments.md says what each key means.
data_roots = dict(fog='data/stf_synthetic', clear='data/stf_synthetic_clear')
tested_on = 'fog'
splits = ('val', 'test')
num_seeds = 5

arms = dict(
    # A detector trained without fog. Each seed has its own: what seeds share,
    # the spread over seeds does not show.
    pretrain=dict(
        config='configs/cmkd/fog_pretrain_tiny.py',
        trained_on='clear',
        tested=False),
    teacher=dict(
        config='configs/cmkd/fog_teacher_tiny.py', starts_from='pretrain'),
    baseline=dict(
        config='configs/cmkd/fog_baseline_tiny.py', starts_from='pretrain'),
    mse=dict(
        config='configs/cmkd/fog_mse_tiny.py',
        starts_from='pretrain',
        taught_by=dict(teacher='model.teachers.gated.checkpoint')),
    adv=dict(
        config='configs/cmkd/fog_adv_tiny.py',
        starts_from='pretrain',
        taught_by=dict(teacher='model.teachers.gated.checkpoint')))
teacher = 'teacher'
baseline = 'baseline'
