"""Evaluate a detector, or a distilled student, on the test set of a config."""
import argparse

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.io import console

if __name__ == '__main__':
    # Imports are slow where packages lie on a network.
    console.start('importing torch, mmengine and mmdet')

from mmxkd.engine import launch
from mmxkd.engine.config_check import check_config
from mmxkd.engine.test_time_augmentation import augment_tests
from mmxkd.errors import ConfigError

#: What each metric calls the place for its result files.
OUT_ARGUMENTS = {
    'CocoMetric': 'outfile_prefix', 'KittiMetric2D': 'submission_prefix',
    'KittiMetric3D': 'submission_prefix'
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Several processes: bash tools/dist_test.sh CONFIG CHECKPOINT '
        'NUMBER. The config of a distillation is tested as its student; no '
        'teacher is read.')
    parser.add_argument('config', type=launch.existing_file,
                        help='config file')
    parser.add_argument('checkpoint', type=launch.existing_file,
                        help='checkpoint file or URL')
    launch.add_arguments(parser)
    parser.add_argument(
        '--out', metavar='PREFIX', help='write the detections, with a '
        'CocoMetric in its format to PREFIX.bbox.json, with a KITTI metric '
        'for its test server to PREFIX/data/')
    parser.add_argument(
        '--show-dir', metavar='FOLDER', help='save pictures with detections, '
        'under WORK_DIR/TIMESTAMP/FOLDER')
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation: '
        'tta_model and tta_pipeline of the config, or else merge each '
        'picture with its mirror image')
    return parser.parse_args()


def write_to(cfg, prefix: str) -> None:
    """Let the metric of the config keep its result files."""
    evaluators = cfg.test_evaluator
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    for evaluator in evaluators:
        argument = OUT_ARGUMENTS.get(launch.type_name(evaluator))
        if argument:
            evaluator[argument] = prefix
            return
    raise ConfigError('--out needs one of these in test_evaluator: '
                      + ', '.join(OUT_ARGUMENTS))


def draw_to(cfg, folder: str) -> None:
    """Let the visualization hook of the config save pictures."""
    hook = (cfg.get('default_hooks') or {}).get('visualization')
    if not hook:
        raise ConfigError('--show-dir needs default_hooks.visualization='
                          "dict(type='DetVisualizationHook') in the config")
    hook.update(draw=True, test_out_dir=folder)


def main() -> None:
    args = parse_args()
    console.doing('reading the config')
    cfg = launch.load_config(args)
    check_config(cfg, ('test', ))
    cfg.load_from = args.checkpoint
    cfg.resume = False
    launch.student_alone(cfg)
    cfg.custom_hooks = [
        *(cfg.get('custom_hooks') or []),
        dict(type='mmxkd.CheckpointMeaningHook')
    ]
    if args.tta:
        augment_tests(cfg)
    if args.show_dir:
        draw_to(cfg, args.show_dir)
    if args.out:
        write_to(cfg, args.out)
    launch.build_runner(cfg).test()


if __name__ == '__main__':
    main()
