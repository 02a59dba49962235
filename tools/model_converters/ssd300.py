"""Bring a published VGG16-SSD300 to the names of the teacher.

Reads ssd300_mAP_77.43_v2.pth of ssd.pytorch, with 8732 priors, of which VGG
and the first eight extra layers are used; or a trained teacher with 3000
priors, of which everything is used. A tensor that has no place is an error.
"""
import argparse
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine.published import fold_first_layer
from mmxkd.engine.published.files import convert_file
from mmxkd.engine.published.renaming import Converted
from mmxkd.engine.published.ssd300 import convert_ssd300
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.io.escape import escape

CONFIG = Path(__file__).parents[2] / 'configs/ssd_kd/vgg16-ssd_voc.py'


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='IN', help='the published file')
    parser.add_argument('out', metavar='OUT', help='a .pth file to write')
    parser.add_argument('--config', default=str(CONFIG),
                        help='of the teacher (default: %(default)s)')
    parser.add_argument(
        '--fold-input', action='store_true',
        help='change the first layer so that it sees the pictures of '
        'the config as the published one saw its own; published '
        'code does not')
    return parser.parse_args(argv)


def convert_published(state: Mapping[str, Tensor], model: Mapping[str, Tensor],
                      path: str) -> Converted:
    """As ``convert_ssd300``, of a file whose first layer can be folded.

    Raises:
        ConfigError: It is a trained teacher, which saw the pictures of the
            config already.
    """
    if 'L2Norm.weight' not in state:
        raise ConfigError(f'--fold-input: {path} is not the published file '
                          'with 8732 priors (it has no L2Norm.weight); a '
                          'trained teacher has seen such pictures already')
    return convert_ssd300(state, model, path)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    done = convert_file(
        args.source, args.out, args.config,
        convert_published if args.fold_input else convert_ssd300,
        fold_first_layer if args.fold_input else None)
    print(f'{args.out}\n{done.summary()}')


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
