"""A checkpoint is resumed by the config that made it, or not in silence."""
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.runner import IterBasedTrainLoop

from mmxkd.engine import launch
from mmxkd.engine.hooks.run_record_hook import RECORD, RunRecordHook
from mmxkd.engine.run_record import ALLOWED
from mmxkd.errors import CheckpointError, ConfigError
from tests.helpers.tiny_pair import train, write_pair

LOSSES = 'model.distiller.losses'


def run(config, folder, changes=(), allow=(), epochs=2, load_from='auto'):
    """Resume in this process; return the runner."""

    def change(cfg):
        if callable(changes):
            changes(cfg)
        else:
            cfg.merge_from_dict(dict(changes))
        launch.allow_differences(cfg, allow)
        launch.resume_from(cfg, load_from)
        assert cfg.resume

    return train(config, folder, change, epochs)


def log_of(runner):
    return ''.join(p.read_text() for p in Path(runner.log_dir).glob('*.log'))


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """A distillation that has done one epoch: its folder and config."""
    root = tmp_path_factory.mktemp('made')
    config = write_pair(root)
    train(config, root / 'run')
    return root, config


@pytest.fixture
def again(made, tmp_path):
    """Resume a copy of that run with changes to its config."""
    root, config = made
    shutil.copytree(root / 'run', tmp_path / 'run')

    def resume(changes=(), **kwargs):
        return run(config, tmp_path / 'run', changes, **kwargs)

    resume.root, resume.folder = root, tmp_path / 'run'
    return resume


def test_nothing_has_changed(again):
    assert 'otherwise' not in log_of(again(epochs=1))


def test_a_longer_run_is_told_of(again):
    log = log_of(again(epochs=2))
    assert log.count('was made otherwise than this run goes on.') == 1
    table = log.split('goes on.\n')[1].splitlines()
    assert table[0].split() == ['key', 'what', 'checkpoint', 'now']
    assert table[1].split() == ['-', 'train_cfg.max_epochs', '1', '2']
    assert not table[2].startswith('-')


def other_data(cfg):
    """One box moves by a pixel."""
    root = Path(cfg.work_dir).parent / 'other_data'
    shutil.copytree(cfg.train_dataloader.dataset.data_root, root)
    file = root / 'train.json'
    text = file.read_text()
    i = text.index('"bbox": [') + len('"bbox": [')
    file.write_text(text[:i] + '9' + text[i:])
    cfg.train_dataloader.dataset.data_root = str(root)


def without_a_loss(cfg):
    del cfg.model.distiller.losses['loss_adversarial']


def without_a_schedule(cfg):
    cfg.param_scheduler = cfg.param_scheduler[:1]


def with_ema(cfg):
    cfg.custom_hooks = [*cfg.custom_hooks, dict(type='EMAHook')]


def other_teacher(cfg):
    path = Path(cfg.model.teachers.wide.checkpoint)
    cfg.model.teachers.wide.checkpoint = str(path.with_name('other.pth'))


@pytest.mark.slow
@pytest.mark.parametrize('key, changes, shown', [
    ('distiller', {f'{LOSSES}.loss_feature.loss_weight': 0.6
                   }, f'{LOSSES}.loss_feature.loss_weight  0.5         0.6'),
    ('distiller', {f'{LOSSES}.loss_feature.student': 'neck[1:3]'
                   }, 'loss_feature.student'),
    ('student', {'model.student.bbox_head.loss_cls.gamma': 3.0
                 }, 'loss_cls.gamma'),
    ('teachers', other_teacher, 'teachers.wide.weights'),
    ('teachers', {'model.teachers.wide.dtype': 'bf16'
                  }, 'model.teachers.wide.dtype'),
    ('data', other_data, r'data.content\[0\]'),
    ('data', {'train_dataloader.dataset.indices': 6
              }, 'data.samples  .* 8 .* 6'),
    ('data', {'train_dataloader.dataset.pipeline.3.prob': 0.25
              }, r'pipeline\[3\].prob'),
    ('batch_size', {'train_dataloader.batch_size': 4
                    }, 'train_dataloader.batch_size +2 +4'),
    ('optimizer', {'optim_wrapper.optimizer.lr': 0.002
                   }, 'optim_wrapper.optimizer.lr +0.001 +0.002'),
    ('optimizer', {'optim_wrapper.accumulative_counts': 2
                   }, 'accumulative_counts +- +2'),
    ('schedule', {'param_scheduler.1.milestones': [1]}, 'milestones'),
    ('seed', {'randomness.seed': 4}, 'randomness.seed +3 +4'),
    ('hooks', with_ema, 'custom_hooks.EMAHook.type'),
])
def test_asks_before_it_makes_another_run(again, key, changes, shown):
    with pytest.raises(
            CheckpointError, match=f'(?s)was not made by this '
            f'config.*{shown}.*--allow {key}. Then') as caught:
        again(changes)
    assert str(again.folder) in str(caught.value)
    if changes is other_data:
        shutil.rmtree(again.folder.parent / 'other_data')
    runner = again(changes, allow=[key])
    assert runner.epoch == 2
    assert f'{key}: {ALLOWED[key]}' in log_of(runner)


def test_another_number_of_processes(again, monkeypatch):
    monkeypatch.setattr('mmxkd.engine.run_record.get_world_size', lambda: 4)
    with pytest.raises(CheckpointError,
                       match='(?s)world_size +1 +4.*--allow world_size'):
        again()


@pytest.mark.parametrize('changes, message', [
    (without_a_loss, r'\d+ of its weights are not in this model: '
     r'distiller.losses.loss_adversarial.\S+, .*, …\.'),
    ({
        'model.student.neck.out_channels': 4,
        'model.student.bbox_head.in_channels': 4,
        f'{LOSSES}.loss_adversarial.channels': 4
    }, 'of its weights have another shape in this model: bbox_head.cls_convs'),
    ({'optim_wrapper.optimizer': dict(_delete_=True, type='SGD', lr=0.01)
      }, 'Its optimizer is AdamW, that of this config SGD.'),
    ({
        'optim_wrapper.optimizer.weight_decay': 0.01,
        'optim_wrapper.paramwise_cfg': dict(norm_decay_mult=0.)
    }, r'The optimizer has (\d+) parameters in 1 groups in it, and \1 in'),
    (without_a_schedule, 'the state of 2 schedules of param_scheduler, the '
     'config has 1'),
])
def test_what_cannot_be_right(again, changes, message):
    allow = ['distiller', 'optimizer', 'schedule', 'student']
    with pytest.raises(CheckpointError, match=message) as caught:
        again(changes, allow=allow)
    assert 'To begin a new run from its weights' in str(caught.value)
    assert '--allow' not in str(caught.value)


def test_averaged_weights_without_their_hook(again):
    again(with_ema, allow=['hooks'])
    with pytest.raises(CheckpointError, match='weights are averages by EMA'):
        again(epochs=3, allow=['hooks'])


@pytest.mark.parametrize('changes', [
    dict(),
    {'train_dataloader.num_workers': 1},
    {'train_dataloader.pin_memory': True},
    {'default_hooks.logger.interval': 7},
])
def test_what_makes_no_other_run(again, changes):
    assert again(changes, epochs=3).epoch == 3


def test_a_run_that_has_moved_with_its_files(again, tmp_path):

    def moved(cfg):
        shutil.copytree(again.root / 'data', tmp_path / 'data')
        shutil.copy(again.root / 'teacher.pth', tmp_path / 'renamed.pth')
        shutil.copy(again.root / 'teacher.py', tmp_path / 'renamed.py')
        cfg.train_dataloader.dataset.data_root = str(tmp_path / 'data')
        cfg.model.teachers.wide.checkpoint = str(tmp_path / 'renamed.pth')
        cfg.model.teachers.wide.cfg = str(tmp_path / 'renamed.py')

    assert again(moved).epoch == 2


def test_the_rate_of_the_checkpoint_stays_in_force(again):
    """As the table says: torch restores it with the optimizer."""
    runner = again({'optim_wrapper.optimizer.lr': 0.5}, allow=['optimizer'])
    assert runner.optim_wrapper.param_groups[0]['initial_lr'] == 0.001


@pytest.fixture
def edit(again):
    """Change the content of the checkpoint."""

    def change(function):
        path = again.folder / 'epoch_1.pth'
        content = torch.load(path, weights_only=True)
        function(content)
        torch.save(content, path)

    return change


def test_a_checkpoint_that_says_less(again, edit):
    """One of stock mmengine: the config is compared all the same."""
    edit(lambda content: content['meta'].pop(RECORD))
    with pytest.raises(CheckpointError, match='--allow optimizer'):
        again({'optim_wrapper.optimizer.lr': 0.002})
    with pytest.raises(CheckpointError, match='Its optimizer is AdamW'):
        again({'optim_wrapper.optimizer.type': 'Adam'}, allow=['optimizer'])
    assert 'only the config is compared' in log_of(again())


def test_a_checkpoint_that_says_nothing(again, edit):

    def strip(content):
        del content['meta'][RECORD], content['meta']['cfg']

    edit(strip)
    with pytest.raises(CheckpointError, match='was not made by'):
        again()


@pytest.mark.parametrize('left', ['meta', 'nothing'])
def test_weights_alone(again, edit, left):
    """An exported student has a ``meta``, but no training state."""

    def strip(content):
        for key in set(content) - {'state_dict', left}:
            del content[key]
        content.get('meta', {}).pop('iter', None)

    edit(strip)
    path = str(again.folder / 'epoch_1.pth')
    with pytest.raises(CheckpointError, match='holds weights but no training'):
        again(load_from=path)


def test_a_checkpoint_without_an_optimizer(again, edit):
    edit(lambda content: content.pop('optimizer'))
    with pytest.raises(CheckpointError, match='no state of an optimizer'):
        again()


@pytest.mark.parametrize('recorded', [True, False])
def test_from_the_middle_of_an_epoch(again, edit, recorded):

    def middle(content):
        content['meta'].update(epoch=0, iter=3)
        content['meta'][RECORD]['mid_epoch'] = True
        if not recorded:
            del content['meta'][RECORD]

    edit(middle)
    with pytest.raises(
            CheckpointError, match='(?s)broken off at iteration 3'
            '.*--allow mid_epoch'):
        again()
    assert again(allow=['mid_epoch']).iter > 8


def test_what_a_checkpoint_says(made):
    root, _ = made
    saved = torch.load(root / 'run/epoch_1.pth', weights_only=True)
    record = saved['meta'][RECORD]
    assert record['mid_epoch'] is False and record['world_size'] == 1
    assert record['train_dataloader.batch_size'] == 2
    assert record['data.samples'] == 8
    assert record['optim_wrapper.optimizer.class'] == 'AdamW'
    assert record['versions.torch'] == torch.__version__
    for key in ('teachers.wide.weights', 'teachers.wide.config',
                'data.content[0]'):
        assert len(record[key]) == len('sha256:') + 64


def test_checkpoints_by_iteration_know_that_they_are_in_the_middle(
        made, tmp_path):

    def by_iteration(cfg):
        cfg.default_hooks.checkpoint.update(by_epoch=False, interval=3)

    runner = train(made[1], tmp_path, by_iteration)
    assert not isinstance(runner.train_loop, IterBasedTrainLoop)
    # The last of an epoch too: mmengine would repeat that epoch.
    saved = torch.load(tmp_path / 'iter_4.pth', weights_only=True)
    assert saved['meta'][RECORD]['mid_epoch'] is True


def test_unknown_keys_are_offered_the_right_one():
    with pytest.raises(ConfigError, match="did you mean 'teachers'"):
        RunRecordHook(allow=['teacher'])
