"""Evaluate a detector, or a distilled student, on the test set of a config."""
import argparse

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.errors import ConfigError


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
        '--out', metavar='PREFIX', help='write the detections in the COCO '
        'result format to PREFIX.bbox.json')
    parser.add_argument(
        '--show-dir', metavar='FOLDER', help='save pictures with detections, '
        'under WORK_DIR/TIMESTAMP/FOLDER')
    return parser.parse_args()


def write_to(cfg, prefix: str) -> None:
    """Let the COCO metric of the config keep its result files."""
    evaluators = cfg.test_evaluator
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    metrics = [e for e in evaluators if e['type'].endswith('CocoMetric')]
    if not metrics:
        raise ConfigError('--out needs a CocoMetric in test_evaluator')
    metrics[0].outfile_prefix = prefix


def draw_to(cfg, folder: str) -> None:
    """Let the visualization hook of the config save pictures."""
    hook = cfg.get('default_hooks', {}).get('visualization')
    if not hook:
        raise ConfigError('--show-dir needs default_hooks.visualization='
                          "dict(type='DetVisualizationHook') in the config")
    hook.update(draw=True, test_out_dir=folder)


def main() -> None:
    args = parse_args()
    cfg = launch.load_config(args)
    cfg.load_from = args.checkpoint
    cfg.resume = False
    launch.student_alone(cfg)
    if args.show_dir:
        draw_to(cfg, args.show_dir)
    if args.out:
        write_to(cfg, args.out)
    launch.build_runner(cfg).test()


if __name__ == '__main__':
    main()
