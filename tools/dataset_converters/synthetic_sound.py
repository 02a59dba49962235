"""Make synthetic drives in MAVD's layout: three cameras, 8 microphones."""
import argparse
from pathlib import Path

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.io.command_line import add_workers
from mmxkd.io.escape import escape
from mmxkd.synthetic import DriveSettings, write_drives


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog='Run it again after it was stopped: '
        'drives that are there are kept.')
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument(
        '--train', type=int, default=40, metavar='DRIVES',
        help='drives to train on, half of them at night (default: %(default)s)'
    )
    parser.add_argument(
        '--val', type=int, default=8, metavar='DRIVES', help=
        'drives for validation, half of them at night (default: %(default)s)')
    parser.add_argument(
        '--test', type=int, default=16, metavar='DRIVES',
        help='drives to test on, half of them at night (default: %(default)s)')
    parser.add_argument('--frames', type=int, default=20,
                        help='frames of a drive (default: %(default)s)')
    parser.add_argument('--interval', type=float, default=0.2,
                        metavar='SECONDS',
                        help='from frame to frame (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of what is drawn (default: %(default)s)')
    parser.add_argument(
        '--scale', type=float, default=0.25,
        help='picture size over 1280 x 512 (default: %(default)s)')
    parser.add_argument(
        '--sample-rate', type=int, default=16000, metavar='HZ',
        help='samples per second of the sound (default: %(default)s)')
    parser.add_argument('--duration', type=float, default=1.0,
                        metavar='SECONDS',
                        help="of a frame's sound (default: %(default)s)")
    parser.add_argument(
        '--lamps', type=float, default=0.2, metavar='SHARE',
        help='of the vehicles with lamps on at night; the RGB camera sees no '
        'others then (default: %(default)s)')
    add_workers(parser)
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    settings = DriveSettings(train=args.train, val=args.val, test=args.test,
                             frames=args.frames, interval=args.interval,
                             seed=args.seed, scale=args.scale,
                             sample_rate=args.sample_rate,
                             duration=args.duration, lamps=args.lamps)
    splits = write_drives(args.out, settings, args.num_workers)
    counts = ', '.join(f'{name.removesuffix(".txt")} {len(ids)}'
                       for name, ids in splits.items())
    print(f'{args.out}: frames: {counts}')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
