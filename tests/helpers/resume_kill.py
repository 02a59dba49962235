"""Kill a training run at many moments, resume it, compare with one never cut.

    python -m tests.helpers.resume_kill [--variants V …] [--jobs N]

For each moment a run is killed with SIGKILL, resumed with ``--resume``, and
its checkpoints are compared bit by bit with those of an uninterrupted run:
weights, optimizer, schedulers, the history of the losses, the best score and
the list of files. Prints a table; exits with 1 if anything differs.

Each run is ``tools/train.py`` in a fork of this process.
"""
import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import torch

from tests.helpers.forked import main_of, run_forked
from tests.helpers.tiny_run import write_config, write_data, write_distilled
from tests.helpers.warm_start import run_script

REPO = Path(__file__).resolve().parents[2]
MORE = '''
custom_imports = dict(imports=['mmxkd', 'tests.helpers.kill_at'])
custom_hooks = [dict(type='KillAtHook')]
'''
# Four iterations an epoch, three epochs, max_keep_ckpts=1; with the seed of
# the config, every epoch is better than the one before.
MOMENTS = ('iter:2', 'step:4', 'iter:6', 'write:epoch_2.pth',
           'rename:epoch_2.pth', 'renamed:epoch_2.pth',
           'rename:last_checkpoint', 'remove:epoch_1.pth', 'val:2',
           'write:best_coco_bbox_mAP_epoch_2.pth',
           'renamed:best_coco_bbox_mAP_epoch_2.pth',
           'remove:best_coco_bbox_mAP_epoch_1.pth', 'step:12', 'val:3')
FEW = ('step:6', 'iter:7', 'write:epoch_2.pth', 'renamed:epoch_2.pth', 'val:2')
EMA = "custom_hooks.append(dict(type='EMAHook', momentum=0.1))\n"
ACCUMULATE = ('''
optim_wrapper.update(accumulative_counts={0})
train_dataloader.update(batch_size={1})
default_hooks['checkpoint'].update(max_keep_ckpts={2})
''' + EMA).format
ALTERNATE = '''
model['distiller']['losses']['loss_adversarial'].update(mode='alternate')
optim_wrapper = dict(
    _delete_=True, constructor='mmxkd.AlternatingOptimWrapperConstructor',
    student=dict(optimizer=dict(type='AdamW', lr=1e-3)),
    discriminator=dict(optimizer=dict(type='SGD', lr=1e-2, momentum=0.9)))
'''
#: Name -> whether it distils, lines for the config, moments. Accumulation
#: counts that do not divide an epoch leave gradients that wait at its end.
VARIANTS: dict[str, tuple[bool, str, tuple[str, ...]]] = {
    'plain': (False, '', MOMENTS),
    'distilled': (True, '', FEW),
    'EMA': (False, EMA, FEW),
    'accumulation 2, EMA': (False, ACCUMULATE(2, 3, 2), FEW),
    'accumulation 3, EMA': (False, ACCUMULATE(3, 2, -1), FEW),
    'alternating optimizer': (True, ALTERNATE, FEW),
}


def train(config: Path, folder: Path, kill_at: str = '',
          resume: bool = False) -> int:
    """Run tools/train.py; return its exit code (negative: the signal)."""
    env = dict(os.environ, KILL_AT=kill_at, OMP_NUM_THREADS='1')
    done = run_script(REPO / 'tools/train.py',
                      *_arguments(config, folder, resume), environment=env)
    with open(folder.with_suffix('.log'), 'a') as log:
        log.write(done.stdout + done.stderr)
    return done.returncode


def train_forked(config: Path, folder: Path, kill_at: str = '',
                 resume: bool = False) -> int:
    """The same in a fork of this process, which has imported all of it."""
    script = main_of(REPO / 'tools/train.py',
                     *_arguments(config, folder, resume))
    return run_forked(script, folder.with_suffix('.log'), timeout=300,
                      environment=dict(KILL_AT=kill_at), cwd=REPO).code


def _arguments(config: Path, folder: Path, resume: bool) -> list[str]:
    return [str(config), '--work-dir', str(folder)] + ['--resume'] * resume


def differences(ours: Path, reference: Path) -> list[str]:
    """What differs between the checkpoints of two finished runs."""
    found = []
    names = [
        sorted(p.name for p in folder.glob('*')
               if p.is_file() and p.suffix != '.py')
        for folder in (ours, reference)
    ]
    if names[0] != names[1]:
        found.append(f'files {names[0]} != {names[1]}')
    for name in set(names[0]) & set(names[1]):
        if name.endswith('.pth'):
            a, b = (_comparable(folder / name) for folder in (ours, reference))
            found += [
                f'{name}: {key}' for key in sorted(a.keys() | b.keys())
                if not _same(a.get(key), b.get(key))
            ]
    return found


def _comparable(path: Path) -> dict:
    content = torch.load(path, map_location='cpu', weights_only=True)
    hub = content['message_hub']
    info = hub['runtime_info']
    kept = {
        key: content.get(key)
        for key in ('state_dict', 'optimizer', 'param_schedulers')
    }
    kept.update({key: content['meta'][key] for key in ('epoch', 'iter')})
    kept.update(
        {key: info.get(key) for key in ('best_score', 'early_stopping')})
    kept['best_ckpt'] = Path(info.get('best_ckpt') or '').name
    kept.update({
        key: value for key, value in hub['log_scalars'].items() if
        key.startswith('train/') and 'time' not in key and 'memory' not in key
    })
    return kept


def _same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(
            _same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    return a == b


def kill_and_resume(config: Path, folder: Path, reference: Path, moment: str,
                    run: Callable[..., int] = train) -> list[str]:
    """Kill one run at ``moment``, resume it; return what differs."""
    code = run(config, folder, kill_at=moment)
    if code != -signal.SIGKILL:
        return [f'was not killed: exit code {code}']
    code = run(config, folder, resume=True)
    if code != 0:
        return [f'not resumed: exit code {code}']
    return differences(folder, reference)


def prepare(root: Path, workers: int = 0, distilled: bool = False,
            more: str = '', run: Callable[..., int] = train) -> Path:
    """Write data and config into ``root``; train the teacher if needed.

    Args:
        root (Path): Folder; it is made.
        workers (int): Of the data loader.
        distilled (bool): Distil a wider teacher, with connectors and
            discriminators.
        more (str): Lines at the end of the config.
        run (Callable): :func:`train` or :func:`train_forked`.
    """
    write_data(root / 'data')
    student = write_config(root / 'tiny.py', root / 'data', workers=workers,
                           more=MORE + ('' if distilled else more))
    if not distilled:
        return student
    teacher = write_config(root / 'teacher.py', root / 'data', epochs=1,
                           channels=12, more=MORE)
    if run(teacher, root / 'teacher') != 0:
        raise RuntimeError((root / 'teacher.log').read_text())
    return write_distilled(root / 'distilled.py', student, teacher,
                           root / 'teacher/epoch_1.pth', more=more)


def _reference(workers: int, root: Path, variant: str) -> Path:
    """The config of a variant, whose whole run is in ``root/reference``."""
    distilled, more, _ = VARIANTS[variant]
    config = prepare(root, workers, distilled, more, train_forked)
    if train_forked(config, root / 'reference') != 0:
        raise RuntimeError((root / 'reference.log').read_text())
    return config


def trials(variants: list[str], moments: list[str] | None = None,
           workers: int = 0,
           jobs: int = 2) -> Iterator[tuple[str, str, list[str]]]:
    """Kill and resume; gives variant, moment and what differs, as they end.

    Args:
        variants (list[str]): Keys of :data:`VARIANTS`.
        moments (list[str], optional): Those of the variant by default.
        workers (int): Of each data loader.
        jobs (int): Runs at a time.
    """
    # Once, for all the forks.
    import mmdet.apis  # noqa: F401

    import mmxkd.distillation
    import mmxkd.engine  # noqa: F401
    with tempfile.TemporaryDirectory() as temporary, ProcessPoolExecutor(
            jobs, multiprocessing.get_context('fork')) as pool:
        roots = {v: Path(temporary, f'v{i}') for i, v in enumerate(variants)}
        configs = pool.map(partial(_reference, workers), roots.values(), roots)
        jobs_of = {}
        for variant, config in zip(variants, configs, strict=True):
            root = roots[variant]
            for i, moment in enumerate(moments or VARIANTS[variant][2]):
                job = pool.submit(kill_and_resume, config, root / f'run{i}',
                                  root / 'reference', moment, train_forked)
                jobs_of[job] = variant, moment
        for job in as_completed(jobs_of):
            yield *jobs_of[job], job.result()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--variants', nargs='+', default=[*VARIANTS],
                        choices=VARIANTS, metavar='VARIANT',
                        help='of: ' + ', '.join(VARIANTS))
    parser.add_argument('--moments', nargs='+')
    parser.add_argument('--workers', type=int, default=0,
                        help='of each data loader')
    parser.add_argument('--jobs', type=int, default=2, help='runs at a time')
    args = parser.parse_args()
    bad = number = 0
    print(f'{"run":23} {"killed at":42} against the uninterrupted one')
    for variant, moment, found in trials(args.variants, args.moments,
                                         args.workers, args.jobs):
        number += 1
        bad += bool(found)
        print(
            f'{variant:23} {moment:42} '
            f'{"; ".join(found) or "bit-identical"}', flush=True)
    print(f'{number - bad} of {number} bit-identical')
    return int(bad > 0)


if __name__ == '__main__':
    sys.exit(main())
