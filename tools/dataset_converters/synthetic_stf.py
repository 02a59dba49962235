"""Make a synthetic fog data set in the layout of Seeing Through Fog."""
import argparse
from dataclasses import replace
from pathlib import Path

from mmxkd.errors import ConfigError
from mmxkd.io.command_line import add_workers
from mmxkd.io.escape import escape
from mmxkd.synthetic import SceneDifficulty, SyntheticSettings, write_dataset
from mmxkd.synthetic.fog.writer import GATED_FORMATS
from mmxkd.synthetic.worlds.difficulty import parse_weather_mix


def _shares(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(','))


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument(
        '--frames', type=int, default=600,
        help='number of labelled frames (default: %(default)s)')
    parser.add_argument(
        '--unlabelled', type=int, default=0, metavar='FRAMES',
        help='frames beside these, listed in splits/unlabelled.txt alone')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of what is drawn (default: %(default)s)')
    parser.add_argument(
        '--scale', type=float, default=0.25,
        help='image sizes over the official ones (default: %(default)s)')
    parser.add_argument('--split', type=_shares, default=(.7, .15, .15),
                        metavar='TRAIN,VAL,TEST',
                        help='shares, sum 1 (default: 0.7,0.15,0.15)')
    parser.add_argument('--weather', type=parse_weather_mix,
                        metavar='NAME=SHARE,…',
                        help='e.g. clear=1,light_fog=1,dense_fog=2')
    parser.add_argument('--night', type=float, metavar='SHARE',
                        help='share of night frames')
    parser.add_argument(
        '--gated', choices=GATED_FORMATS, default='both', help=
        '10-bit TIFF (raw), 8-bit PNG (rect8) or both (default: %(default)s)')
    add_workers(parser)
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    difficulty = SceneDifficulty()
    if args.weather is not None:
        difficulty = replace(difficulty, weather_mix=args.weather)
    if args.night is not None:
        difficulty = replace(difficulty, night_share=args.night)
    settings = SyntheticSettings(frames=args.frames, seed=args.seed,
                                 scale=args.scale, split=args.split,
                                 gated=args.gated, difficulty=difficulty,
                                 unlabelled=args.unlabelled)
    splits = write_dataset(args.out, settings, args.num_workers)
    counts = ', '.join(f'{name} {len(ids)}' for name, ids in splits.items())
    print(f'{args.out}: {counts}')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
