"""Make a trained detector smaller: prune it, train it on, quantise it.

    python tools/compress.py CONFIG CHECKPOINT --prune 0.3 --int8 --out DIR

With the config of a distillation, the pruned student is trained on with its
teacher. DIR gets pruned.py and pruned.pth, which tools/train.py takes too, an
.onnx file for each step, and a table of all steps, compression.md and .json.
A training that was stopped goes on when the command is repeated, and one that
is done is not done again.
"""
import argparse
import copy
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.io import console

if __name__ == '__main__':
    # Imports are slow where packages lie on a network.
    console.start('importing torch, mmengine and mmdet')

from mmengine.config import Config, DictAction
from mmengine.runner.checkpoint import save_checkpoint

from mmxkd.engine import launch
from mmxkd.engine.packages import EXPORT, check_installed
from mmxkd.engine.weights import best_in
from mmxkd.errors import CheckpointError, ConfigError, CorruptSampleError
from mmxkd.experiments.short_forms import length
from mmxkd.io.atomic import PARTIAL, write_json, write_text
from mmxkd.io.escape import escape
from mmxkd.io.text import read_json

ROOT = Path(__file__).resolve().parents[1]


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=launch.existing_file,
                        help='config of the detector, or of a distillation')
    parser.add_argument('checkpoint', type=launch.existing_file,
                        help='its checkpoint')
    parser.add_argument('--out', required=True, type=Path,
                        help='folder to write to')
    parser.add_argument('--prune', type=float, metavar='SHARE',
                        help='share of the channels that goes, e.g. 0.3')
    parser.add_argument('--int8', action='store_true',
                        help='quantise the last step to 8 bits')
    parser.add_argument(
        '--epochs', type=int, metavar='N', help='train the pruned detector '
        'for so long; 0: not at all; default: as long as the config says')
    parser.add_argument('--seed', type=int, default=0,
                        help='of that training (default: %(default)s)')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='with --prune, scale the '
        'learning rate of that training by its batch size, in one process')
    parser.add_argument(
        '--calibration', type=int, default=32, metavar='N', help='training '
        'pictures that scale the 8 bits (default: %(default)s)')
    parser.add_argument('--float-head', action='store_true',
                        help='leave the last convolutions out of --int8')
    parser.add_argument('--rounds', type=int, default=20,
                        help='of measuring the latency (default: %(default)s)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        default={}, metavar='KEY=VALUE',
                        help='change keys of the config')
    args = parser.parse_args(argv)
    if args.prune is None and not args.int8:
        parser.error('nothing to do: give --prune SHARE, --int8, or both')
    if args.prune is not None and not 0 < args.prune < 1:
        parser.error(f'--prune {args.prune}: expected a share of the '
                     'channels, above 0 and below 1')
    if args.auto_scale_lr and args.prune is None:
        parser.error('--auto-scale-lr: only with --prune')
    for name, least in (('epochs', 0), ('calibration', 1), ('rounds', 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            parser.error(f'--{name} {value}: expected {least} or more')
    return args


def check_out(args: argparse.Namespace) -> None:
    """Make the folder, unless something would be written over.

    Raises:
        ConfigError: A file of the command line is one that is written.
        OSError: The folder cannot be made.
    """
    written = [args.out / name for name in ('pruned.py', 'pruned.pth')]
    for given in (args.config, args.checkpoint):
        path = Path(given).resolve()
        if (args.out / 'trained').resolve() in path.parents or any(
                path == file.resolve() for file in written):
            raise ConfigError(f'{given}: is what --out {args.out} is written '
                              'to; name another folder')
    args.out.mkdir(parents=True, exist_ok=True)


def check_request(args: argparse.Namespace, cfg: Config) -> None:
    """Note what is trained, or raise where the folder holds another training.

    Raises:
        ConfigError: It names what differs.
    """
    folder = args.out / 'trained'
    path = folder / 'request.json'
    checkpoint = Path(args.checkpoint)
    wanted = dict(
        config=digest(cfg.pretty_text.encode()),
        checkpoint=digest(checkpoint.read_bytes()) if checkpoint.is_file() else
        args.checkpoint,
        prune=args.prune,
        epochs=args.epochs,
        seed=args.seed,
        # Folders of before have none.
        auto_scale_lr=args.auto_scale_lr or None)
    if not path.is_file():
        if folder.exists() and any(not file.name.endswith(PARTIAL)
                                   for file in folder.iterdir()):
            raise ConfigError(f'{folder}: exists, and does not say what it '
                              'was trained for; name another --out')
        write_json(path, wanted)
        return
    found = read_json(path, 'request')
    other = [
        f'{name} {found.get(name)}' if name not in ('config',
                                                    'checkpoint') else name
        for name, value in wanted.items() if found.get(name) != value
    ]
    if other:
        raise ConfigError(f'{folder}: was trained with another '
                          f'{", another ".join(other)}; name another --out, '
                          'or remove this folder to train again')


def digest(content: bytes) -> str:
    """By which two files are told apart."""
    return hashlib.sha256(content).hexdigest()


def prune_step(args: argparse.Namespace, model: Any, cfg: Config,
               classes: tuple) -> tuple[Path, Path]:
    """Prune ``model`` in place; write its config and its weights."""
    from mmxkd.compression import prune, pruned_config
    from mmxkd.export.recipe import make_recipe
    size = make_recipe(model, cfg, classes)['padded']
    prune(model, args.prune, tuple(size))
    config, weights = args.out / 'pruned.py', args.out / 'pruned.pth'
    write_text(config, pruned_config(cfg, model, str(weights)).pretty_text)
    save_checkpoint(
        dict(state_dict=model.state_dict(),
             meta=dict(dataset_meta=dict(classes=classes))), str(weights))
    return config, weights


def check_batch_size(args: argparse.Namespace, cfg: Config) -> None:
    """Compare the batches of one process with those that the rate is for.

    Raises:
        ConfigError: ``--auto-scale-lr``, and nothing says for which.
    """
    if args.auto_scale_lr:
        launch.scale_learning_rate(copy.deepcopy(cfg))
        return
    base = (cfg.get('auto_scale_lr') or {}).get('base_batch_size')
    size = cfg.train_dataloader.get('batch_size')
    if None not in (base, size) and size != base:
        print(
            f'warning: training is in one process with batches of {size}, '
            'but the learning rate of the config is for '
            f'auto_scale_lr.base_batch_size={base}: --auto-scale-lr scales it',
            file=sys.stderr)


def train_on(args: argparse.Namespace, config: Path) -> Path:
    """Train the pruned detector by ``tools/train.py``; its best checkpoint.

    Raises:
        ConfigError: The training fails.
    """
    work_dir = args.out / 'trained'
    done = work_dir / 'done.json'
    if not done.is_file():
        options = {}
        if args.epochs is not None:
            options = length('--epochs', args.epochs, config)
        command = [
            sys.executable, ROOT / 'tools/train.py', config, '--work-dir',
            work_dir, '--seed', args.seed, '--resume'
        ]
        if args.auto_scale_lr:
            command.append('--auto-scale-lr')
        if options:
            command += [
                '--cfg-options', *(f'{k}={v}' for k, v in options.items())
            ]
        status = subprocess.run(list(map(str, command))).returncode
        if status:
            raise ConfigError(f'{config}: tools/train.py ended with {status}')
        write_json(done, dict(epochs=args.epochs, seed=args.seed))
    return Path(best_in(str(work_dir)))


def main(argv=None) -> None:
    args = parse_args(argv)
    check_installed('tools/compress.py', EXPORT)
    from mmxkd.compression import check_prunable
    from mmxkd.export.int8 import calibration_pictures
    from mmxkd.export.onnx_file import read_detector
    from mmxkd.export.steps import Steps, table
    check_out(args)
    model, cfg, classes = read_detector(args.config, args.checkpoint,
                                        args.cfg_options)
    # Before hours of training, and not after them.
    if args.prune is not None:
        check_prunable(model)
    pictures = calibration_pictures(cfg, args.calibration) if args.int8 else []
    steps = Steps(args.out, cfg)
    if args.prune is not None and args.epochs != 0:
        check_batch_size(args, cfg)
        check_request(args, cfg)
    last = 'given'
    steps.add(last, model, cfg, classes)
    if args.prune is not None:
        config, weights = prune_step(args, model, cfg, classes)
        last = 'pruned'
        steps.add(last, model, cfg, classes)
        if args.epochs != 0:
            best = train_on(args, config)
            model, _, _ = read_detector(str(config), str(best))
            last = 'pruned and trained'
            steps.add(last, model, cfg, classes)
    if args.int8:
        steps.add_int8('int8', last, pictures, args.float_head)
    rows = steps.rows(args.rounds)
    text = table(rows)
    write_text(args.out / 'compression.md', text)
    write_json(args.out / 'compression.json', rows)
    print(text, end='')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CheckpointError, CorruptSampleError,
            OSError) as error:
        sys.exit(f'error: {escape(error)}')
