"""Train a detector, or distil teachers into a student, from a config."""
import argparse

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.io import console

if __name__ == '__main__':
    # Imports are slow where packages lie on a network.
    console.start('importing torch, mmengine and mmdet')

from mmxkd.engine import launch
from mmxkd.engine.config_check import check_config
from mmxkd.engine.pretrained import check_pretrained, check_start
from mmxkd.engine.run_record import ALLOWED


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Several processes: bash tools/dist_train.sh CONFIG NUMBER.')
    parser.add_argument('config', type=launch.existing_file,
                        help='config file')
    launch.add_arguments(parser)
    parser.add_argument(
        '--amp', nargs='?', const='auto', choices=['auto', 'fp16', 'bf16'],
        help='mixed precision: fp16 with CUDA, bf16 without, or as given')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning '
        'rate by the batch size, from auto_scale_lr.base_batch_size')
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='CHECKPOINT',
        help='go on from this checkpoint; without a name, from the newest '
        'intact one in the work directory')
    parser.add_argument(
        '--allow', nargs='+', default=[], metavar='KEY', choices=ALLOWED,
        help='with --resume, go on although these differ from what made the '
        'checkpoint: ' + ', '.join(ALLOWED))
    parser.add_argument('--seed', type=int, help='seed of the run')
    args = parser.parse_args()
    if args.resume not in (None, 'auto'):
        try:
            launch.existing_file(args.resume)
        except argparse.ArgumentTypeError as error:
            parser.error(f'argument --resume: {error}')
    if args.allow and args.resume is None:
        parser.error('argument --allow: only with --resume')
    return args


def main() -> None:
    args = parse_args()
    console.doing('reading the config')
    cfg = launch.load_config(args)
    check_config(cfg, ('train', 'val'))
    check_pretrained(cfg)
    launch.add_guards(cfg)
    launch.log_together(cfg)
    if args.seed is not None:
        launch.set_seed(cfg, args.seed)
    if args.amp:
        launch.use_mixed_precision(cfg, args.amp)
    if args.auto_scale_lr:
        launch.scale_learning_rate(cfg)
    if args.resume:
        launch.resume_from(cfg, args.resume)
        launch.allow_differences(cfg, args.allow)
    check_start(cfg)
    launch.build_runner(cfg).train()


if __name__ == '__main__':
    main()
