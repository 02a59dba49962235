"""MM-DistillNet killed and resumed, and in one and in two processes."""
import json
import os
import sys
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, init_default_scope
from mmengine.runner import Runner, save_checkpoint

from mmxkd.distillation.teacher import Teacher
from mmxkd.engine.labellers import FusedTeacherLabels
from mmxkd.registry import MODELS
from tests.helpers.forked import run_ranks
from tests.helpers.resume_kill import (
    differences,
    kill_and_resume,
    train_forked,
)
from tests.helpers.sound_drives import (
    FOLDER,
    draw_drives,
    on_drives,
    student_of,
    teacher_to_learn_from,
)

CAMERAS = ('rgb', 'thermal', 'depth')
STEPS = 6


@pytest.fixture(scope='module')
def setup(repo, tmp_path_factory):
    """Drives, and teachers that have learned nothing: they need not."""
    folder = tmp_path_factory.mktemp('runs')
    root = draw_drives(repo, folder / 'drives')
    init_default_scope('mmdet')
    teachers = {}
    for number, camera in enumerate(CAMERAS):
        cfg = on_drives(repo / FOLDER / f'teacher_{camera}_tiny.py', root,
                        folder)
        torch.manual_seed(number)
        model = MODELS.build(cfg.model)
        model.init_weights()
        path = folder / f'{camera}.pth'
        save_checkpoint(
            dict(state_dict=model.state_dict(),
                 meta=dict(dataset_meta=dict(classes=('car', )))), str(path))
        teachers[camera] = (teacher_to_learn_from(cfg,
                                                  folder / f'{camera}.py'),
                            path)
    return SimpleNamespace(folder=folder, root=root, teachers=teachers)


def two_epochs(repo, setup, work_dir) -> Config:
    """Six steps of four frames each, as the config is shipped."""
    cfg = student_of(repo / FOLDER / 'mm_distillnet_tiny.py', setup.root,
                     work_dir, setup.teachers)
    cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2, val_begin=9)
    cfg.randomness = dict(seed=3)
    cfg.default_hooks.logger.interval = 1
    cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    return cfg


@pytest.mark.slow
def test_a_killed_run_resumes_bit_by_bit(repo, setup, tmp_path, monkeypatch):
    """Weights, optimizer, schedules and the history of all losses.

    By tools/train.py, with flips that are drawn; killed by SIGKILL between
    the losses of the fifth step and its update.
    """
    # Of configs that runs write, in a second each.
    monkeypatch.setattr('mmengine.config.config.FormatCode',
                        lambda text, **kwargs: (text, True))
    cfg = two_epochs(repo, setup, tmp_path)
    cfg.custom_imports = dict(imports=['mmxkd', 'tests.helpers.kill_at'])
    cfg.custom_hooks.append(dict(type='KillAtHook'))
    config = tmp_path / 'run.py'
    cfg.dump(config)
    assert train_forked(
        config,
        tmp_path / 'whole') == 0, (tmp_path / 'whole.log').read_text()[-3000:]
    found = kill_and_resume(config, tmp_path / 'cut', tmp_path / 'whole',
                            'step:5', train_forked)
    assert found == []
    # The comparison sees what there is, and no two epochs are alike.
    names = [
        torch.load(tmp_path / f'whole/epoch_{i}.pth', weights_only=True)
        for i in (1, 2)
    ]
    assert any(not torch.equal(v, names[1]['state_dict'][k])
               for k, v in names[0]['state_dict'].items())
    losses = names[1]['message_hub']['log_scalars']
    assert 'train/distill/loss_mta' in losses
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other/epoch_1.pth').symlink_to(tmp_path / 'whole/epoch_2.pth')
    assert differences(tmp_path / 'other', tmp_path / 'whole')


def test_cached_teachers_teach_the_same(repo, setup, tmp_path, monkeypatch):
    """Each direction of a flip has its own file; the second epoch reads."""
    losses, ran = [], []
    watch = Teacher.watch
    monkeypatch.setattr(
        Teacher, 'watch', lambda self, inputs, *args, **kwargs:
        (ran.append(len(inputs)), watch(self, inputs, *args, **kwargs))[1])
    for cached in (False, True):
        cfg = two_epochs(repo, setup, tmp_path / str(cached))
        if cached:
            for teacher in cfg.model.teachers.values():
                teacher.cache = dict(dir=str(tmp_path / 'cache'))
        ran.clear()
        runner = Runner.from_cfg(cfg)
        runner.train()
        scalars = runner.message_hub.log_scalars
        losses.append({
            k: buffer.data[0].tolist() for k, buffer in scalars.items()
            if 'loss' in k
        })
        if not cached:
            # Three teachers, two epochs of twelve frames.
            assert sum(ran) == 72
    # Some frames are flipped in one epoch, and not in the other one.
    files = len(list((tmp_path / 'cache').rglob('*.npz')))
    assert files % 3 == 0 and 36 < files < 72
    # Once for each file; and before the first, a frame alone and in a pair.
    assert sum(ran) <= files + 3 * 3
    assert losses[0].keys() == losses[1].keys()
    for name, values in losses[0].items():
        assert losses[1][name] == pytest.approx(values, rel=1e-5), name


@HOOKS.register_module()
class HoldNorms(Hook):
    """Batch norms use their running statistics, and notes of each step.

    With those of a batch, the maps of a frame depend on the frames beside
    it: two processes of two frames each then compute something else than one
    of four. It is what PyTorch does, and no error.
    """

    def __init__(self, path: str) -> None:
        self.path, self.rows, self.boxes = path, [], {}

    def before_train(self, runner) -> None:
        label = FusedTeacherLabels.label

        def noted(labels, batch, *found):
            label(labels, batch, *found)
            for sample in batch:
                boxes = sample.gt_instances
                self.boxes[sample.frame_id] = torch.cat(
                    [boxes.bboxes, boxes.scores[:, None]], 1).tolist()

        FusedTeacherLabels.label = noted

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        for layer in runner.model.modules():
            if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
                layer.eval()

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None) -> None:
        self.rows.append(
            {k: float(v) for k, v in outputs.items() if 'loss' in k})

    def after_train(self, runner) -> None:
        with open(f'{self.path}_{runner.rank}.json', 'w') as file:
            json.dump(dict(rows=self.rows, boxes=self.boxes), file)


def run_in(processes: int, repo, setup, folder, port) -> list[dict]:
    """What each process has noted."""
    folder.mkdir()
    cfg = two_epochs(repo, setup, folder)
    cfg.train_dataloader.batch_size = 4 // processes
    # At full rate, without the warm-up: in six steps, much changes.
    cfg.param_scheduler = []
    # Which frame is flipped is drawn in each process.
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'mmxkd.RandomFlip':
            step.prob = 0.
    cfg.custom_hooks.append(dict(type='HoldNorms', path=str(folder / 'rank')))
    if processes > 1:
        cfg.launcher = 'pytorch'
        cfg.env_cfg = dict(dist_cfg=dict(backend='gloo'))

    def train():
        torch.set_num_threads(1)
        Runner.from_cfg(cfg).train()
        sys.stdout.flush()
        if processes > 1:
            torch.distributed.barrier()
        # A process group that is freed may wait for ever, see ddp_heads.py.
        os._exit(0)

    done = run_ranks(
        train, processes, folder / 'log', timeout=300,
        environment=dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port))
    assert [d.code for d in done] == [0] * processes, done[0].output[-3000:]
    return [
        json.loads((folder / f'rank_{rank}.json').read_text())
        for rank in range(processes)
    ]


def test_one_process_and_two_learn_the_same(repo, setup, tmp_path, free_port):
    """Labels of each frame, and all losses of six steps to 1e-5.

    A step has the same four frames in both. The loss of a step is the mean
    over the processes; that it stays the same shows that gradients and
    updates do too.
    """
    (alone, ) = run_in(1, repo, setup, tmp_path / 'one', free_port)
    pair = run_in(2, repo, setup, tmp_path / 'two', free_port)
    assert len(alone['rows']) == STEPS
    assert {'loss_cls', 'loss_bbox', 'distill/loss_mta',
            'loss'} <= set(alone['rows'][0])
    for step, row in enumerate(alone['rows']):
        ranks = [part['rows'][step] for part in pair]
        assert row == pytest.approx(
            {k: sum(r[k] for r in ranks) / 2 for k in row}, rel=1e-5), step
        # They have not seen the same frames.
        assert ranks[0]['loss_bbox'] != ranks[1]['loss_bbox']
    assert alone['rows'][0]['loss'] != pytest.approx(alone['rows'][-1]['loss'],
                                                     rel=1e-3)
    boxes = pair[0]['boxes'] | pair[1]['boxes']
    assert set(boxes) == set(alone['boxes']) and len(boxes) == 12
    for name, rows in alone['boxes'].items():
        torch.testing.assert_close(torch.tensor(boxes[name]),
                                   torch.tensor(rows), rtol=1e-4, atol=1e-3)
    assert min(map(len, boxes.values())) > 0
