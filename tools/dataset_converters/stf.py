"""Convert Seeing Through Fog, as published, into training data.

Default: all night frames in any weather, split anew by capture sequence, in
the frame of the gated camera. Official splits are named with --train, --val,
--test.
"""
import argparse
from dataclasses import replace
from pathlib import Path

from mmxkd.datasets.convert.left_out import LeftOut
from mmxkd.datasets.convert.stf import ConvertSettings, convert
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.stf.alignment import ALIGNMENTS, FRAMES
from mmxkd.formats.stf.layout import (
    DAYTIMES,
    GATED_SOURCES,
    WEATHERS,
    FrameFiles,
    StfLayout,
)
from mmxkd.formats.stf.splits import (
    NIGHT_POOL,
    SPLITS,
    UNLABELLED,
    named_splits,
    resplit_pool,
    unlabelled_split,
)
from mmxkd.io.command_line import add_workers
from mmxkd.io.escape import escape


def _size(text: str) -> tuple[int, int]:
    width, height = (int(side) for side in text.lower().split('x'))
    if width < 1 or height < 1:
        raise argparse.ArgumentTypeError('expected pixels above 0')
    return width, height


def _shares(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(','))


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='the published folders')
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument(
        '--gated', choices=('auto', *GATED_SOURCES), default='auto',
        help='slices to read; auto: those that are there '
        '(default: %(default)s)')
    parser.add_argument(
        '--frame', choices=FRAMES, default='gated',
        help='camera frame of images and labels (default: %(default)s)')
    parser.add_argument(
        '--align', choices=ALIGNMENTS, default='homography',
        help='how RGB and gated come to lie over each other: by the published '
        'homography, or crop and stretched image as they are '
        '(default: %(default)s)')
    parser.add_argument('--size', type=_size, metavar='WxH',
                        help='default 1280x768, times the scale of the input')
    group = parser.add_argument_group('splits')
    for split in SPLITS:
        group.add_argument(f'--{split}', nargs='+', metavar='NAME',
                           help='official splits, or files of ids (.txt)')
    group.add_argument(
        '--unlabelled', nargs='+', metavar='NAME',
        help='official splits, or files of ids, whose labels '
        'are not read: annotations/unlabelled.json lists them '
        'for tools/label.py')
    group.add_argument(
        '--keep-truth', action='store_true',
        help='write the labels of --unlabelled to '
        'annotations/unlabelled_truth.json, to compare with')
    group.add_argument(
        '--pool', nargs='+', metavar='NAME', default=NIGHT_POOL,
        help='official splits that are split anew (default: '
        + ' '.join(NIGHT_POOL) + ')')
    group.add_argument(
        '--shares', type=_shares, default=(.7, .15, .15),
        metavar='TRAIN,VAL,TEST',
        help='shares of frames when splitting anew (default: 0.7,0.15,0.15)')
    group.add_argument('--seed', type=int, default=0,
                       help='seed of the split anew (default: %(default)s)')
    group.add_argument(
        '--splits-dir', type=Path, metavar='FOLDER',
        help='where the official split files are (default: ROOT/splits)')
    group.add_argument('--weather', nargs='+', choices=WEATHERS,
                       help='only frames of these (default: all)')
    group.add_argument('--daytime', nargs='+', choices=DAYTIMES,
                       help='only frames of these (default: all)')
    parser.add_argument(
        '--classes', nargs='+', default=['Pedestrian'],
        help='label classes, each with its groups (default: Pedestrian)')
    parser.add_argument(
        '--group-as-crowd', action='store_true',
        help='boxes of groups become iscrowd: COCO neither rewards nor '
        'punishes detections there')
    parser.add_argument(
        '--allow-unlabelled', action='store_true',
        help='frames without a label file become frames '
        'without objects')
    add_workers(parser)
    return parser.parse_args(argv)


def _find(layout: StfLayout, split: str, ids: list[str],
          args: argparse.Namespace) -> list[FrameFiles]:
    """The files of a split; its labels, unless it is to have none."""
    if split != UNLABELLED or args.keep_truth:
        return layout.find(ids, args.allow_unlabelled)
    return [replace(frame, labels=None) for frame in layout.find(ids, True)]


def _kept(frame: FrameFiles, split: str, args: argparse.Namespace,
          left_out: LeftOut) -> bool:
    for option in ('weather', 'daytime'):
        wanted, found = getattr(args, option), getattr(frame, option)
        if wanted and found not in wanted:
            left_out.add(split, '(frame)', f'is {found}: not in --{option}')
            return False
    return True


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    layout = StfLayout(args.root, args.gated, args.frame, args.splits_dir)
    names = {split: getattr(args, split) or () for split in SPLITS}
    if any(names.values()):
        ids = named_splits(layout, names)
    else:
        ids = resplit_pool(layout, args.pool, args.shares, args.seed)
    if args.unlabelled:
        ids[UNLABELLED] = unlabelled_split(layout, args.unlabelled, ids)
    left_out = LeftOut()
    frames = {
        split: [
            frame for frame in _find(layout, split, members, args)
            if _kept(frame, split, args, left_out)
        ] for split, members in ids.items()
    }
    if not any(frames.values()):
        raise ConfigError('no frame is left: check the splits, --weather and '
                          '--daytime')
    print(f'reading {layout.rgb_source}, gated*_{layout.gated_source}, '
          f'{layout.labels_dir.name}')
    settings = ConvertSettings(source=str(args.root.resolve()),
                               gated=layout.gated_source, frame=args.frame,
                               align=args.align, size=args.size,
                               classes=tuple(args.classes),
                               group_as_crowd=args.group_as_crowd)
    contents = convert(frames, args.out, settings, args.num_workers, left_out)
    for split, content in contents.items():
        boxes = (f'{len(content["annotations"])} boxes' if 'annotations'
                 in content else 'without labels')
        print(f'{split}: {len(content["images"])} frames, {boxes}')
    print(left_out.table())


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
