"""Bring a published MobileNetV2-SSDLite to the names of the student.

Reads mb2-ssd-lite-mp-0_686.pth of pytorch-ssd, or a student that the published
distillation trained. A tensor that has no place is an error.
"""
import argparse
from pathlib import Path

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine.published.files import convert_file
from mmxkd.engine.published.mb2_ssd_lite import convert_mb2_ssd_lite
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.io.escape import escape

CONFIG = Path(__file__).parents[2] / 'configs/ssd_kd/mb2-ssdlite_voc.py'


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='IN', help='the published file')
    parser.add_argument('out', metavar='OUT', help='a .pth file to write')
    parser.add_argument('--config', default=str(CONFIG),
                        help='of the student (default: %(default)s)')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    done = convert_file(args.source, args.out, args.config,
                        convert_mb2_ssd_lite)
    print(f'{args.out}\n{done.summary()}')


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
