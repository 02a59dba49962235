"""Kill a training run at many moments, resume it, compare with one never cut.

    python -m tests.helpers.resume_kill [--distilled] [--moments M …]

For each moment a run is killed with SIGKILL, resumed with
``tools/train.py --resume``, and its checkpoints are compared bit by bit with
those of an uninterrupted run: weights, optimizer, schedulers, the history of
the losses, the best score and the list of files. Prints a table; exits with 1
if anything differs.
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from tests.helpers.tiny_run import write_config, write_data, write_distilled

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


def train(config: Path, folder: Path, kill_at: str = '',
          resume: bool = False) -> int:
    """Run tools/train.py; return its exit code (negative: the signal)."""
    env = dict(
        os.environ, KILL_AT=kill_at, OMP_NUM_THREADS='1',
        PYTHONPATH=os.pathsep.join(
            [str(REPO), os.environ.get('PYTHONPATH', '')]))
    command = [
        sys.executable,
        str(REPO / 'tools/train.py'),
        str(config), '--work-dir',
        str(folder)
    ] + ['--resume'] * resume
    with open(folder.with_suffix('.log'), 'a') as log:
        return subprocess.run(command, env=env, cwd=REPO, stdout=log,
                              stderr=log).returncode


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


def kill_and_resume(config: Path, folder: Path, reference: Path,
                    moment: str) -> list[str]:
    """Kill one run at ``moment``, resume it; return what differs."""
    code = train(config, folder, kill_at=moment)
    if code != -signal.SIGKILL:
        return [f'was not killed: exit code {code}']
    code = train(config, folder, resume=True)
    if code != 0:
        return [f'not resumed: exit code {code}']
    return differences(folder, reference)


def prepare(root: Path, workers: int = 0, distilled: bool = False) -> Path:
    """Write data and config into ``root``; train the teacher if needed."""
    write_data(root / 'data')
    student = write_config(root / 'tiny.py', root / 'data', workers=workers,
                           more=MORE)
    if not distilled:
        return student
    teacher = write_config(root / 'teacher.py', root / 'data', epochs=1,
                           channels=12, more=MORE)
    if train(teacher, root / 'teacher') != 0:
        raise RuntimeError((root / 'teacher.log').read_text())
    return write_distilled(root / 'distilled.py', student, teacher,
                           root / 'teacher/epoch_1.pth')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--distilled', action='store_true', help='distil a '
        'wider teacher, with connectors and discriminators')
    parser.add_argument('--moments', nargs='+', default=MOMENTS)
    parser.add_argument('--workers', type=int, default=0)
    args = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        config = prepare(root, args.workers, args.distilled)
        if train(config, root / 'reference') != 0:
            print((root / 'reference.log').read_text(), file=sys.stderr)
            return 1
        print(f'{"killed at":42} resumed run against the uninterrupted one')
        for number, moment in enumerate(args.moments):
            found = kill_and_resume(config, root / f'run{number}',
                                    root / 'reference', moment)
            bad += bool(found)
            print(f'{moment:42} {"; ".join(found) or "bit-identical"}',
                  flush=True)
    print(f'{len(args.moments) - bad} of {len(args.moments)} bit-identical')
    return int(bad > 0)


if __name__ == '__main__':
    sys.exit(main())
