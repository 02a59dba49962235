"""Make a synthetic data set in PASCAL VOC's layout: pieces of streets."""
import argparse
from pathlib import Path

from mmxkd.errors import ConfigError
from mmxkd.io.command_line import add_workers
from mmxkd.io.escape import escape
from mmxkd.synthetic import VocSettings, write_voc_dataset


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument(
        '--trainval', type=int, default=400,
        help='number of pictures to train on (default: %(default)s)')
    parser.add_argument(
        '--test', type=int, default=200,
        help='number of pictures to test on (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of what is drawn (default: %(default)s)')
    parser.add_argument(
        '--scale', type=float, default=0.5,
        help='size of the streets over 1242 x 375 (default: %(default)s)')
    add_workers(parser)
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    settings = VocSettings(trainval=args.trainval, test=args.test,
                           seed=args.seed, scale=args.scale)
    splits = write_voc_dataset(args.out, settings, args.num_workers)
    counts = ', '.join(f'{name} {len(ids)}' for name, ids in splits.items())
    print(f'{args.out}: {counts}')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
