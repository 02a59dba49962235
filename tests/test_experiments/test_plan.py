"""The config of an experiment is checked before anything is trained."""
import pytest
from mmengine.config import Config, DictAction

from mmxkd.errors import ConfigError
from mmxkd.experiments import Arm, load_plan

#: What of a config decides what is trained.
TRAINED = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler',
           'train_cfg', 'custom_hooks')

CONFIG = '''
data_roots = dict(fog='data/fog', clear='data/clear')
tested_on = 'fog'
splits = ('val', 'test')
num_seeds = 3
arms = dict(
    start=dict(config='configs/start.py', trained_on='clear', shared=True,
               tested=False),
    big=dict(config='configs/plain.py', starts_from='start'),
    plain=dict(config='configs/plain.py'),
    student=dict(
        config='configs/student.py', starts_from='start',
        taught_by=dict(big='model.teachers.gated.checkpoint')),
    other=dict(config='configs/plain.py'))
teacher = 'big'
baseline = 'plain'
'''


@pytest.fixture
def load(tmp_path):
    """Read :data:`CONFIG` with some text replaced."""
    (tmp_path / 'configs').mkdir()
    for name in ('start', 'plain'):
        (tmp_path / f'configs/{name}.py').write_text("model = dict(type='A')")
    (tmp_path / 'configs/student.py'
     ).write_text("model = dict(teachers=dict(gated=dict(checkpoint='x')))")

    def read(before='', after='', **options):
        assert before in CONFIG
        path = tmp_path / 'experiment.py'
        path.write_text(CONFIG.replace(before, after))
        return load_plan(path, tmp_path, tmp_path / 'runs', **options)

    return read


def test_what_the_config_says(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = load()
    assert plan.reported == ['big', 'plain', 'student', 'other']
    assert (plan.teacher, plan.baseline) == (('big', ), ('plain', ))
    assert (plan.seeds, plan.splits) == (range(3), ('val', 'test'))
    student = plan.arms['student']
    assert student.needs == ('start', 'big')
    assert student.config == tmp_path / 'configs/student.py'
    assert student.data_root == plan.tested_on == tmp_path / 'data/fog'
    assert plan.arms['start'].data_root == tmp_path / 'data/clear'


def test_options_of_the_command_win(load, tmp_path):
    plan = load(seeds=1, data_roots=dict(fog=str(tmp_path / 'mine')),
                cfg_options=['a=1'])
    assert (plan.seeds, plan.cfg_options) == (range(1), ('a=1', ))
    assert plan.arms['plain'].data_root == tmp_path / 'mine'


def test_some_arms_bring_what_they_need(load):
    assert list(load().select(['other'
                               ]).arms) == ['start', 'big', 'plain', 'other']
    assert list(load().select([]).arms) == ['start', 'big', 'plain']
    with pytest.raises(ConfigError, match="did you mean 'student'"):
        load().select(['studnet'])


@pytest.mark.parametrize('before, after, message', [
    ('num_seeds = 3', '', 'num_seeds is missing'),
    ('num_seeds = 3', 'num_seeds = 0', 'num_seeds=0, expected 1 or more'),
    ('num_seeds', 'num_seed', "num_seed is unknown; did you mean 'num_seeds'"),
    ("('val', 'test')", "'val'", "splits='val', expected e.g."),
    ("tested_on = 'fog'", "tested_on = 'fogg'", "did you mean 'fog'"),
    ("trained_on='clear'", "trained_on='clearr'", "did you mean 'clear'"),
    ("teacher = 'big'", "teacher = 'bg'", "teacher='bg'.*mean 'big'"),
    ("baseline = 'plain'", "baseline = 'start'", "baseline='start'"),
    ('shared=True', 'share=True', "arms.start.share is unknown; did you mean "
     "'shared'"),
    ("config='configs/start.py', ", '', 'arms.start: config is missing'),
    ('configs/start.py', 'configs/startt.py', "mean 'configs/start.py'"),
    ('tested=False', '', 'set tested=False'),
    ("taught_by=dict(big=", "taught_by=dict(bigg=", "did you mean 'big'"),
    ("starts_from='start'),\n    plain", "starts_from='start', "
     "options={'model.type': 'B'}),\n    plain",
     "student.taught_by: big has options='model.type=B'"),
    ("taught_by=dict(big=", "taught_by=dict(other=",
     "arms.student.taught_by='other'"),
    ('teachers.gated', 'teachers.gatd', "'gatd', expected one of"),
    ('gated.checkpoint', 'gated.checkpoint.file', "'file', expected one of"),
    ("shared=True,", "shared=True, starts_from='big',",
     "arms.start.starts_from='big'"),
])
def test_faults_are_named(load, before, after, message):
    with pytest.raises(ConfigError, match=message):
        load(before, after)


def test_options_are_checked(load):
    with pytest.raises(ConfigError, match="'epochs': expected KEY=VALUE"):
        load(cfg_options=['epochs'])
    with pytest.raises(ConfigError, match="did you mean 'clear'"):
        load(data_roots=dict(clearr='x'))


def test_data_are_looked_for_in_every_split(load, tmp_path):
    for root in ('fog', 'clear'):
        folder = tmp_path / root / 'annotations'
        folder.mkdir(parents=True)
        for split in ('train', 'val'):
            (folder / f'{split}.json').touch()
    plan = load(data_roots={n: str(tmp_path / n) for n in ('fog', 'clear')})
    with pytest.raises(ConfigError, match='fog: no .*annotations/test.json'):
        plan.check_data()
    (tmp_path / 'fog/annotations/test.json').touch()
    plan.check_data()


def test_no_two_arms_of_an_experiment_are_one(repo, tmp_path):
    """An arm that names a value as its config has it is the arm without."""
    for path in sorted((repo / 'configs/experiments').glob('*.py')):
        plan = load_plan(path, repo, tmp_path)
        seen: dict = {}
        for arm in plan.arms.values():
            if not isinstance(arm, Arm):
                continue
            cfg = Config.fromfile(arm.config)
            options = dict(o.split('=', 1) for o in arm.options)
            cfg.merge_from_dict({
                key: DictAction._parse_iterable(value)
                for key, value in options.items()
            })
            parts = [cfg.get(key) for key in TRAINED]
            content = repr((parts, arm.starts_from, arm.taught_by, arm.reads,
                            arm.data_root, arm.ann_file))
            assert content not in seen, (path.name, arm.name, seen[content])
            seen[content] = arm.name
