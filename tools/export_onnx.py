"""Write a trained detector, or a distilled student, as an ONNX file.

    python tools/export_onnx.py CONFIG CHECKPOINT detector.onnx --check

The graph gives the raw outputs of the head; mmxkd/deploy makes detections of
them with numpy, and needs neither PyTorch nor this package. ShuffleDet and
SSDs of mmxkd can be exported; docs/compression.md says why no others.
"""
import argparse
import sys

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.io import console

if __name__ == '__main__':
    # Imports are slow where packages lie on a network.
    console.start('importing torch, mmengine and mmdet')

from mmengine.config import DictAction

from mmxkd.engine import launch
from mmxkd.engine.packages import EXPORT, check_installed
from mmxkd.errors import CheckpointError, ConfigError, CorruptSampleError
from mmxkd.io.escape import escape


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=launch.existing_file,
                        help='config of the detector, or of a distillation')
    parser.add_argument('checkpoint', type=launch.existing_file,
                        help='checkpoint file or URL')
    parser.add_argument('out', help='file to write, .onnx')
    parser.add_argument(
        '--check', action='store_true', help='compare outputs and detections '
        'with those of PyTorch, on pictures of the test set; exit with 1 '
        'where they differ')
    parser.add_argument('--pictures', type=int, default=20, metavar='N',
                        help='that --check compares (default: %(default)s)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='change keys of the config, e.g. '
        'test_dataloader.dataset.data_root=data/mine')
    args = parser.parse_args()
    if args.pictures < 1:
        parser.error(f'--pictures {args.pictures}: expected 1 or more')
    return args


def main() -> None:
    args = parse_args()
    check_installed('tools/export_onnx.py', EXPORT)
    from mmxkd.export.check import check_onnx
    from mmxkd.export.onnx_file import export_onnx, read_detector
    console.doing('exporting')
    model, cfg, classes = read_detector(args.config, args.checkpoint,
                                        args.cfg_options)
    export_onnx(model, cfg, classes, args.out)
    print(f'{args.out}: written; classes {", ".join(classes)}')
    if args.check:
        found = check_onnx(model, cfg, args.out, args.pictures)
        print(found)
        if not found.equal:
            raise ConfigError(f'{args.out}: does not agree with the detector '
                              'in PyTorch; see the line above')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CheckpointError, CorruptSampleError,
            OSError) as error:
        sys.exit(f'error: {escape(error)}')
