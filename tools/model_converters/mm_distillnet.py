"""Convert EfficientDet-D2 of Yet-Another-EfficientDet or MM-DistillNet."""
import argparse
import sys

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.engine.published.efficientdet import (
    EXCEPTIONS,
    convert_efficientdet,
)
from mmxkd.errors import CheckpointError, ConfigError


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog='A file that does not fill the whole '
        'model is refused: released files have been half loaded before.')
    parser.add_argument('config', type=launch.existing_file,
                        help='config of the model')
    parser.add_argument('checkpoint', type=launch.existing_file,
                        help='published file')
    parser.add_argument('out', help='file to write, .pth')
    parser.add_argument(
        '--except', nargs='+', default=[], dest='exceptions',
        choices=list(EXCEPTIONS), help='weights that may '
        'have another shape than the model has')
    parser.add_argument(
        '--take-classes', nargs='+', type=int, metavar='INDEX',
        help="classes of the file that become the model's; "
        "of COCO's: car 2, bus 5, truck 7")
    args = parser.parse_args()
    try:
        report = convert_efficientdet(args.config, args.checkpoint, args.out,
                                      args.exceptions, args.take_classes)
    except (CheckpointError, ConfigError) as error:
        sys.exit(str(error))
    print(report)
    print(f'written to {args.out}')


if __name__ == '__main__':
    main()
