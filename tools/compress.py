"""Make a trained detector smaller: prune it, train it on, quantise it.

    python tools/compress.py CONFIG CHECKPOINT --prune 0.3 --int8 --out DIR

With the config of a distillation, the pruned student is trained on with its
teacher. DIR gets pruned.py and pruned.pth, which tools/train.py takes too, an
.onnx file for each step, and a table of all steps, compression.md and .json.
A training that was stopped goes on when the command is repeated, and one that
is done is not done again.
"""
import argparse
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
from mmxkd.engine.weights import best_in
from mmxkd.errors import CheckpointError, ConfigError, CorruptSampleError
from mmxkd.experiments.short_forms import length
from mmxkd.io.atomic import write_json, write_text
from mmxkd.io.escape import escape

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
    return args


def prune_step(args: argparse.Namespace, model: Any, cfg: Config,
               classes: tuple) -> tuple[Path, Path]:
    """Prune ``model`` in place; write its config and its weights."""
    from mmxkd.compression import prune, pruned_config
    from mmxkd.export.recipe import make_recipe
    size = make_recipe(model, cfg, classes)['padded']
    prune(model, args.prune, tuple(size))
    config, weights = args.out / 'pruned.py', args.out / 'pruned.pth'
    pruned_config(cfg, model, str(weights)).dump(config)
    save_checkpoint(
        dict(state_dict=model.state_dict(),
             meta=dict(dataset_meta=dict(classes=classes))), str(weights))
    return config, weights


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
        if options:
            command += [
                '--cfg-options', *(f'{k}={v}' for k, v in options.items())
            ]
        status = subprocess.run(list(map(str, command))).returncode
        if status:
            raise ConfigError(f'{config}: tools/train.py ended with {status}')
        write_json(done, dict(epochs=args.epochs, seed=args.seed))
    return Path(best_in(str(work_dir)))


class Steps:
    """The detectors of the table, one ``.onnx`` file each."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.macs: dict[str, int] = {}
        self.parameters: dict[str, int] = {}

    def path(self, name: str) -> Path:
        """Where a step is."""
        return self.out / f'{name.replace(" ", "_")}.onnx'

    def add(self, name: str, model: Any, cfg: Config, classes: tuple) -> None:
        """Measure and export a detector."""
        import torch

        from mmxkd.engine.model_size import measure
        from mmxkd.export.onnx_file import RawOutputs, export_onnx
        from mmxkd.export.recipe import make_recipe
        size = make_recipe(model, cfg, classes)['padded']
        raw = RawOutputs(model)
        found = measure(model, lambda: raw(torch.zeros(1, 3, *size)))
        self.macs[name], self.parameters[name] = found.macs, found.parameters
        console.doing(f'exporting: {name}')
        export_onnx(model, cfg, classes, self.path(name))

    def rows(self, cfg: Config, rounds: int) -> list[dict[str, Any]]:
        """What each has cost and found."""
        from mmxkd.deploy import OnnxDetector
        from mmxkd.export.measure import evaluate, latencies
        detectors = {
            name: OnnxDetector(str(self.path(name))) for name in self.macs
        }
        speed = latencies(detectors, rounds)
        key = cfg.default_hooks.checkpoint.save_best
        rows = []
        for name, detector in detectors.items():
            console.doing(f'testing: {name}')
            found = evaluate(detector, cfg)
            if key not in found:
                raise ConfigError(
                    f'default_hooks.checkpoint.save_best={key!r}: not among '
                    f'the metrics of test_evaluator, {sorted(found)}')
            rows.append(
                dict(step=name, metric=key, value=found[key],
                     megabytes=self.path(name).stat().st_size / 1e6,
                     macs=self.macs[name], parameters=self.parameters[name],
                     milliseconds=speed[name]))
        return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown; shares are of the first row."""
    first = rows[0]
    lines = [
        f'| step | {first["metric"]} | MB | MACs | ms, one thread |',
        '|---|---|---|---|---|'
    ]
    for row in rows:
        change = row['value'] - first['value']
        lines.append(f'| {row["step"]} | {row["value"]:.4f} ({change:+.4f}) '
                     f'| {row["megabytes"]:.2f} '
                     f'(×{row["megabytes"] / first["megabytes"]:.2f}) '
                     f'| {row["macs"] / 1e6:.1f} M '
                     f'(×{row["macs"] / first["macs"]:.2f}) '
                     f'| {row["milliseconds"]:.1f} '
                     f'(×{row["milliseconds"] / first["milliseconds"]:.2f}) |')
    return '\n'.join(lines) + '\n'


def main(argv=None) -> None:
    args = parse_args(argv)
    from mmxkd.export.int8 import calibration_pictures, quantize
    from mmxkd.export.onnx_file import read_detector
    args.out.mkdir(parents=True, exist_ok=True)
    model, cfg, classes = read_detector(args.config, args.checkpoint,
                                        args.cfg_options)
    # Before hours of training, and not after them.
    pictures = calibration_pictures(cfg, args.calibration) if args.int8 else []
    steps = Steps(args.out)
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
        console.doing('quantising')
        name = 'int8'
        quantize(str(steps.path(last)), steps.path(name), pictures,
                 args.float_head)
        steps.macs[name] = steps.macs[last]
        steps.parameters[name] = steps.parameters[last]
    rows = steps.rows(cfg, args.rounds)
    text = table(rows)
    write_text(args.out / 'compression.md', text)
    write_json(args.out / 'compression.json', rows)
    print(text, end='')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CheckpointError, CorruptSampleError) as error:
        sys.exit(f'error: {escape(error)}')
