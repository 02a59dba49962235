"""Commands between arms: what they get, make, and when they run again."""
import json
import shutil
from dataclasses import replace

import pytest

from mmxkd.errors import ConfigError
from mmxkd.experiments import (
    Arm,
    Run,
    Step,
    ToolError,
    build_runs,
    load_plan,
    run_all,
)

# Writes its arguments, and how often it ran, into the file after --out.
TOOL = '''
import json, pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])
times = json.loads(out.read_text())[0] + 1 if out.is_file() else 1
out.write_text(json.dumps([times, *sys.argv[1:]]))
'''
COMMAND = ('label.py', '{teacher.config}', '{teacher.checkpoint}', '--ann',
           '{data.fog}/annotations/rest.json', '--seed', '{seed}', '--out',
           '{out}/labels.json')
KEY = 'train_dataloader.dataset.datasets.1.ann_file'


@pytest.fixture
def plan(plan, tmp_path):
    """The experiment with labels of the teacher, and an arm that reads them.
    """
    plan.root.mkdir()
    (plan.root / 'label.py').write_text(TOOL)
    labels = Step('labels', COMMAND, dict(boxes='labels.json'))
    pseudo = Arm('pseudo', tmp_path / 'pseudo.py', plan.tested_on,
                 reads={'labels.boxes': KEY},
                 ann_file='annotations/train_60.json',
                 options=('train_cfg.max_epochs=24', ))
    return replace(plan, data_roots=dict(fog=plan.tested_on),
                   arms={**plan.arms, 'labels': labels, 'pseudo': pseudo})


def labels_of(plan, seed):
    return json.loads(
        (plan.work_dir / f'seed_{seed}/labels/labels.json').read_text())


def test_a_step_runs_between_arms_and_once(plan, fake_tools):
    fake = fake_tools()
    run_all(build_runs(plan), jobs=2)
    for seed in (0, 1):
        teacher = plan.work_dir / f'seed_{seed}/teacher'
        out = plan.work_dir / f'seed_{seed}/labels/labels.json'
        assert labels_of(plan, seed) == [
            1,
            str(plan.arms['teacher'].config),
            str(teacher / 'best_epoch_4.pth'), '--ann',
            f'{plan.tested_on}/annotations/rest.json', '--seed',
            str(seed), '--out',
            str(out)
        ]
        assert any(f'{KEY}={out}' in options for name, options in fake.calls
                   if 'train.py pseudo' in name)
    assert fake.count('labels') == 0
    # What is done is not done again.
    run_all(build_runs(plan), jobs=2)
    assert labels_of(plan, 0)[0] == 1
    # A step that was killed before it was done runs again.
    (plan.work_dir / 'seed_0/labels/trained.json').unlink()
    shutil.rmtree(plan.work_dir / 'seed_0/pseudo')
    run_all(build_runs(plan), jobs=1)
    assert labels_of(plan, 0)[0] == 2 and labels_of(plan, 1)[0] == 1


def test_a_step_reads_an_arm_as_it_was_trained(plan, fake_tools):
    """With its options, behind those of the whole experiment."""
    fake_tools()
    command = ('label.py', '--out', '{out}/labels.json', '--cfg-options',
               '{teacher.options}', 'last=1')
    teacher = replace(plan.arms['teacher'], options=('model.depth=34', ))
    labels = Step('labels', command, dict(boxes='labels.json'))
    plan = replace(plan,
                   arms={**plan.arms, 'teacher': teacher, 'labels': labels},
                   cfg_options=('a=1', 'b=2'))
    run_all(build_runs(plan), jobs=2)
    assert labels_of(plan, 0)[4:] == ['a=1', 'b=2', 'model.depth=34', 'last=1']
    # Without any, nothing is in its place, not even ''.
    assert labels.arguments(lambda name: ())[-2:] == [
        '--cfg-options', 'last=1'
    ]


def test_all_options_let_a_step_train_an_arm_on(plan, fake_tools):
    """Data, test set, teacher and what it reads, as in its own training."""
    fake = fake_tools()
    data, runs = plan.tested_on, plan.work_dir / 'seed_1'
    taught = replace(plan.arms['mse'], options=('train_cfg.max_epochs=24', ),
                     reads={'labels.boxes': KEY})
    smaller = Step('smaller', ('label.py', '--out', '{out}/labels.json',
                               '--cfg-options', '{taught.all_options}'),
                   dict(boxes='labels.json'))
    plan = replace(
        plan, cfg_options=('a=1', ), arms={
            **plan.arms, 'taught': replace(taught, name='taught'),
            'smaller': smaller
        })
    run_all(build_runs(plan), jobs=1)
    given = json.loads((runs / 'smaller/labels.json').read_text())[4:]
    assert given == [
        f'train_dataloader.dataset.data_root={data}/',
        f'val_dataloader.dataset.data_root={data}/',
        f'test_dataloader.dataset.data_root={data}/',
        f'val_evaluator.ann_file={data}/annotations/val.json',
        'test_dataloader.dataset.ann_file=annotations/test.json',
        f'test_evaluator.ann_file={data}/annotations/test.json', 'a=1',
        'train_cfg.max_epochs=24',
        f'model.teachers.gated.checkpoint={runs}/teacher',
        f'{KEY}={runs}/labels/labels.json'
    ]
    own = [
        options for name, options in fake.calls
        if 'train.py taught' in name and 'seed_1' in name
    ]
    assert own[0][1:] == given[-2:]


def test_a_step_that_fails_or_makes_nothing(plan, fake_tools):
    fake_tools()
    other = replace(plan.arms['labels'], outputs=dict(boxes='other.json'))
    changed = replace(plan, arms={**plan.arms, 'labels': other})
    with pytest.raises(ToolError, match='label.py has not made other.json'):
        run_all(build_runs(changed), jobs=1)
    (plan.root / 'label.py').write_text('raise SystemExit("no frames")')
    for seed in (0, 1):
        settings = plan.work_dir / f'seed_{seed}/labels/settings.json'
        settings.unlink(missing_ok=True)
    with pytest.raises(ToolError, match='no frames(.|\n)*ended with 1'):
        run_all(build_runs(plan), jobs=1)


def test_another_command_is_refused(plan, fake_tools):
    fake_tools()
    run_all(build_runs(plan), jobs=1)
    other = replace(plan.arms['labels'], command=(*COMMAND, '--score-thr'))
    with pytest.raises(ConfigError, match='labels was begun with command='):
        build_runs(replace(plan, arms={**plan.arms, 'labels': other}))
    longer = replace(plan.arms['pseudo'], options=('train_cfg.max_epochs=8', ))
    with pytest.raises(ConfigError, match='max_epochs=24.*max_epochs=8'):
        build_runs(replace(plan, arms={**plan.arms, 'pseudo': longer}))


def test_annotations_and_length_of_an_arm(plan):
    arm = replace(plan.arms['pseudo'],
                  datasets=('train_dataloader.dataset.datasets.0', ))
    run = Run(arm, 0, plan, {})
    options = run._data_options(arm)
    assert options[0] == (f'train_dataloader.dataset.datasets.0.data_root='
                          f'{plan.tested_on}/')
    assert options[-1] == ('train_dataloader.dataset.datasets.0.ann_file='
                           'annotations/train_60.json')
    assert not [
        o for o in options if o.startswith('train_dataloader.dataset.'
                                           'data_root')
    ]


CONFIG = '''
data_roots = dict(fog='data/fog')
tested_on = 'fog'
splits = ('val', 'test')
num_seeds = 2
arms = dict(
    big=dict(config='a.py'),
    plain=dict(config='a.py'),
    plain_long=dict(config='a.py', options={'train_cfg.max_epochs': 24}),
    labels=dict(
        command=['tools/label.py', '{big.config}', '{big.checkpoint}',
                 '--data', '{data.fog}', '--out', '{out}/labels.json'],
        outputs=dict(boxes='labels.json')),
    pseudo=dict(
        config='mixed.py', ann_file='annotations/train_60.json',
        datasets=('train_dataloader.dataset.datasets.0', ),
        reads={'labels.boxes':
               'train_dataloader.dataset.datasets.1.ann_file'}))
teacher = 'big'
baseline = ('plain', 'plain_long')
reachable = 'pseudo'
'''
MIXED = '''
train_cfg = dict(max_epochs=8)
train_dataloader = dict(dataset=dict(type='ConcatDataset', datasets=[
    dict(data_root='', ann_file='a'), dict(data_root='', ann_file='b')]))
'''


@pytest.fixture
def load(tmp_path):
    """Read :data:`CONFIG` with some text replaced."""
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools/label.py').touch()
    (tmp_path / 'a.py').write_text('train_cfg = dict(max_epochs=8)')
    (tmp_path / 'mixed.py').write_text(MIXED)

    def read(before='', after=''):
        assert before in CONFIG
        path = tmp_path / 'experiment.py'
        path.write_text(CONFIG.replace(before, after))
        return load_plan(path, tmp_path, tmp_path / 'runs')

    return read


def test_what_the_config_says(load):
    plan = load()
    assert plan.reported == ['big', 'plain', 'plain_long', 'pseudo']
    assert plan.baseline == ('plain', 'plain_long')
    assert plan.reachable == ('pseudo', )
    assert plan.arms['labels'].needs == ('big', )
    assert plan.arms['pseudo'].needs == ('labels', )
    assert plan.arms['plain_long'].options == ('train_cfg.max_epochs=24', )
    # The step comes with the arm that reads it.
    assert list(plan.select(['pseudo']).arms) == list(plan.arms)
    few = plan.select([])
    assert list(few.arms) == ['big', 'plain', 'plain_long']
    assert few.reachable == ()
    with pytest.raises(ConfigError, match='annotations/train_60.json'):
        plan.check_data()


@pytest.mark.parametrize('before, after, message', [
    ('{big.config}', '{bog.config}', "{bog.config}='bog', expected .*'big'"),
    ('{big.config}', '{big.cfg}', "{big.cfg}='cfg', expected one of"),
    ("'{big.config}'", "'--a={big.options}'", 'any number of arguments'),
    ('{data.fog}', '{data.fgo}', "did you mean 'fog'"),
    ('{out}/', '{outt}/', "did you mean 'out'"),
    ("'tools/label.py'", "'tools/labl.py'", "did you mean 'tools/label.py'"),
    ("command=['tools/label.py'", "command='x', c=['tools/label.py'",
     'labels.c is unknown'),
    ("outputs=dict(boxes='labels.json')", 'outputs={}', 'labels.outputs={}'),
    ("boxes='labels.json'", "boxes='../labels.json'", 'not in the folder'),
    ("'labels.boxes':", "'labels.boxs':", "did you mean 'labels.boxes'"),
    ('datasets.1.ann_file', 'datasets.2.ann_file', "'2', expected one of"),
    ('datasets.0', 'datasets.first', "'first', expected one of"),
    ("'train_cfg.max_epochs'", "'train_cfg.max_epoch'", "mean 'max_epochs'"),
    ("reachable = 'pseudo'", "reachable = 'labels'", "reachable='labels'"),
    ("baseline = ('plain', 'plain_long')", 'baseline = ()',
     'expected the name of an arm'),
    ('big=dict(config', 'data=dict(config', 'arms.data: this name has a'),
])
def test_faults_are_named(load, before, after, message):
    with pytest.raises(ConfigError, match=message):
        load(before, after)
