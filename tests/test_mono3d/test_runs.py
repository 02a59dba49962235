"""Whole runs by the shipped tools: killed, resumed, in two processes."""
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from mmxkd.formats.kitti import read_results
from tests.helpers.mono_run import tiny_config, write_streets
from tests.helpers.warm_start import run_script

EPOCHS = 3


@pytest.fixture(scope='module')
def streets(tmp_path_factory) -> Path:
    return write_streets(tmp_path_factory.mktemp('streets'))


def student(repo, streets, folder: Path, epochs: int = EPOCHS):
    """With task weights that move after the shortest window."""
    cfg = tiny_config(repo, 'student_tiny', streets, folder, epochs)
    cfg.train_cfg.val_interval = 100
    cfg.param_scheduler = []
    cfg.custom_hooks = [
        dict(type='mmxkd.EpochSeedHook'),
        dict(type='mmxkd.HTLHook', total_epochs=7)
    ]
    return cfg


def train(repo, config: Path, *more, processes: int = 1):
    """tools/train.py in one process or in several; modules beside the config
    can be imported."""
    arguments = [str(config), '--seed', '3', *more]
    script = repo / 'tools/train.py'
    environment = dict(os.environ, OMP_NUM_THREADS='1',
                       PYTHONPATH=f'{repo}{os.pathsep}{config.parent}')
    if processes == 1:
        return run_script(script, *arguments, environment=environment,
                          timeout=560)
    with socket.socket() as probe:
        probe.bind(('localhost', 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, '-m', 'torch.distributed.run',
        f'--nproc_per_node={processes}', f'--master_port={port}',
        str(script), *arguments, '--launcher', 'pytorch'
    ]  # yapf: disable
    return subprocess.run(command, env=environment, cwd=repo,
                          capture_output=True, text=True, timeout=560)


def checkpoint(folder: Path, epoch: int) -> dict:
    return torch.load(folder / f'epoch_{epoch}.pth', weights_only=True)


@pytest.mark.slow
def test_a_killed_run_resumes_bit_by_bit(repo, streets, tmp_path):
    """Weights, optimizer and task weights, by tools/train.py."""
    whole, cut = tmp_path / 'whole', tmp_path / 'cut'
    for folder in (whole, cut):
        cfg = student(repo, streets, folder)
        cfg.default_hooks.checkpoint.max_keep_ckpts = EPOCHS
        cfg.dump(tmp_path / f'{folder.name}.py')
    done = train(repo, tmp_path / 'whole.py')
    assert done.returncode == 0, done.stderr[-2000:]
    # SIGKILL in the middle of the second epoch.
    (tmp_path / 'kill_now.py').write_text(
        'import os, signal\n'
        'from mmengine.hooks import Hook\n'
        'from mmxkd.registry import HOOKS\n\n\n'
        '@HOOKS.register_module()\n'
        'class KillNow(Hook):\n\n'
        '    def after_train_iter(self, runner, batch_idx, data_batch=None,\n'
        '                         outputs=None):\n'
        '        if runner.epoch == 1 and batch_idx == 0:\n'
        '            os.kill(os.getpid(), signal.SIGKILL)\n')
    cfg = student(repo, streets, cut)
    cfg.default_hooks.checkpoint.max_keep_ckpts = EPOCHS
    cfg.custom_imports.imports.append('kill_now')
    cfg.custom_hooks.append(dict(type='mmxkd.KillNow'))
    cfg.dump(tmp_path / 'killed.py')
    done = train(repo, tmp_path / 'killed.py')
    assert done.returncode == -9, done.stderr[-2000:]
    assert not (cut / 'epoch_2.pth').exists()
    # The hook that killed it is gone.
    done = train(repo, tmp_path / 'cut.py', '--resume', '--allow', 'hooks')
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (checkpoint(f, EPOCHS) for f in (whole, cut))
    for name, value in one['state_dict'].items():
        assert (two['state_dict'][name] == value).all(), name
    assert one['hierarchical_task_learning'] == two[
        'hierarchical_task_learning']
    assert len(one['hierarchical_task_learning']['past']) == EPOCHS
    for own, other in zip(one['optimizer']['state'].values(),
                          two['optimizer']['state'].values(), strict=True):
        assert all((own[k] == other[k]).all() for k in own)


@pytest.mark.slow
def test_two_processes_weigh_tasks_alike(repo, streets, tmp_path):
    """Over gloo; each sees other frames, and so other losses."""
    cfg = student(repo, streets, tmp_path / 'run', 7)
    (tmp_path / 'note_weights.py').write_text(
        'import json, os\n'
        'from mmengine.hooks import Hook\n'
        'from mmxkd.registry import HOOKS\n\n\n'
        '@HOOKS.register_module()\n'
        'class NoteWeights(Hook):\n'
        "    priority = 'VERY_LOW'\n\n"
        '    def after_train_epoch(self, runner):\n'
        '        model = getattr(runner.model, "module", runner.model)\n'
        '        row = [model.bbox_head.task_weights, self.own]\n'
        '        path = os.path.join(runner.work_dir,\n'
        '                            f"rank{runner.rank}.json")\n'
        '        with open(path, "a") as file:\n'
        '            file.write(json.dumps(row) + "\\n")\n\n'
        '    def after_train_iter(self, runner, batch_idx, data_batch=None,\n'
        '                         outputs=None):\n'
        '        self.own = float(outputs["raw_seg"])\n')
    cfg.custom_imports.imports.append('note_weights')
    cfg.custom_hooks.append(dict(type='mmxkd.NoteWeights'))
    cfg.default_hooks.checkpoint.interval = 7
    cfg.train_dataloader.batch_size = 1
    cfg.dump(tmp_path / 'run.py')
    done = train(repo, tmp_path / 'run.py', processes=2)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [[
        json.loads(line)
        for line in (tmp_path / f'run/rank{i}.json').read_text().splitlines()
    ] for i in (0, 1)]
    assert len(rows[0]) == 7
    assert [r[0] for r in rows[0]] == [r[0] for r in rows[1]]
    # Neither 0 nor 1 by then, and not because both saw the same losses.
    assert 0 < rows[0][6][0]['depth'] <= 1
    assert [r[1] for r in rows[0]] != [r[1] for r in rows[1]]


def settle(model, batch: dict) -> None:
    """Give batch norms the statistics of a batch, as after a training."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(**model.data_preprocessor(batch, True), mode='loss')


def test_result_files_give_the_metrics_numbers(repo, streets, tmp_path,
                                               run_python):
    """tools/analysis_tools/kitti_eval.py on what a test has written."""
    cfg = student(repo, streets, tmp_path / 'run')
    # Untrained heads score low, and their boxes are small: all count.
    cfg.model.test_cfg = dict(topk=20, score_thr=0.)
    cfg.test_evaluator.update(submission_prefix=str(tmp_path / 'out'),
                              overlaps=['strict', 'loose'])
    torch.manual_seed(0)
    runner = Runner.from_cfg(cfg)
    runner.model.init_weights()
    settle(runner.model, next(iter(runner.train_dataloader)))
    found = runner.test()
    results = read_results(tmp_path / 'out/data')
    assert results.frame_ids == ('000000', '000001', '000002', '000003')
    # So many digits that no two scores tie.
    assert len(results) and len(set(results.score)) == len(results)
    done = run_python(repo / 'tools/analysis_tools/kitti_eval.py',
                      streets / 'training/label_2', tmp_path / 'out',
                      '--overlaps', 'strict', 'loose', '--json')
    scalars = json.loads(done.stdout)['scalars']
    assert 'kitti/Car_3d_AP40_moderate_loose' in found
    for key, value in found.items():
        # To the last bit.
        assert scalars[key.removeprefix('kitti/')] == pytest.approx(
            value, rel=0, abs=0, nan_ok=True), key
