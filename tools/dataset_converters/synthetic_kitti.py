"""Make a synthetic data set in KITTI's layout: image, LiDAR, labels."""
import argparse
from pathlib import Path

from mmxkd.errors import ConfigError
from mmxkd.io.command_line import add_workers
from mmxkd.io.escape import escape
from mmxkd.synthetic import KittiSettings, write_kitti_dataset
from mmxkd.synthetic.worlds.difficulty import parse_weather_mix


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument(
        '--train', type=int, default=240,
        help='number of training frames (default: %(default)s)')
    parser.add_argument(
        '--val', type=int, default=80,
        help='number of validation frames (default: %(default)s)')
    parser.add_argument('--test', type=int, default=0,
                        help='number of frames without labels')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of what is drawn (default: %(default)s)')
    parser.add_argument(
        '--scale', type=float, default=0.5,
        help='image size over 1242 x 375 (default: %(default)s)')
    parser.add_argument(
        '--azimuth-step', type=float, default=0.17, metavar='DEGREES',
        help='between two LiDAR beams of a ring (default: %(default)s)')
    parser.add_argument(
        '--weather', type=parse_weather_mix, default=dict(clear=1.0),
        metavar='NAME=SHARE,…',
        help='e.g. clear=1,light_fog=1,dense_fog=2 (default: clear=1)')
    parser.add_argument('--night', type=float, default=0.0, metavar='SHARE',
                        help='share of night frames (default: 0)')
    add_workers(parser)
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    settings = KittiSettings(train=args.train, val=args.val, test=args.test,
                             seed=args.seed, scale=args.scale,
                             azimuth_step=args.azimuth_step,
                             weather_mix=args.weather, night_share=args.night)
    splits = write_kitti_dataset(args.out, settings, args.num_workers)
    counts = ', '.join(f'{name} {len(ids)}' for name, ids in splits.items())
    print(f'{args.out}: {counts}')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
