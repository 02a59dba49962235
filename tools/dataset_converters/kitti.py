"""Check KITTI, as published, and write info files.

Every image, calibration, LiDAR scan and label of the splits is read. The info
files are those of mmdet3d, as JSON; mmdet3d's KittiDataset and
mmxkd.KittiDataset read them. Run it again after it was stopped: it goes on
where it was.
"""
import argparse
from pathlib import Path

from mmxkd.datasets.convert.kitti import convert, info_file
from mmxkd.datasets.convert.left_out import LeftOut
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti import SPLITS
from mmxkd.formats.kitti.layout import LISTS, split_ids, splits_of
from mmxkd.io.command_line import add_workers
from mmxkd.io.escape import escape

MAX_SHOWN = 30


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'root', type=Path, help='holds training/, testing/ and perhaps '
        'ImageSets/')
    parser.add_argument(
        '--splits', nargs='+', choices=SPLITS,
        help='default: those of ROOT/ImageSets; without it '
        'the official ones, test only where there is '
        'ROOT/testing')
    parser.add_argument('--out', type=Path,
                        help='folder to write to (default: ROOT)')
    parser.add_argument('--depth', action='store_true',
                        help='also write depth_2/ID.png: the projected scan')
    add_workers(parser)
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    names = args.splits or splits_of(args.root)
    splits = {split: split_ids(args.root, split) for split in names}
    out = args.out or args.root
    table = LeftOut()
    contents = convert(args.root, splits, out, args.depth, args.num_workers,
                       table)
    for split, content in contents.items():
        objects = sum(len(info['instances']) for info in content['data_list'])
        print(f'{info_file(out, split)}: {len(content["data_list"])} frames, '
              f'{objects} labels')
    for split in SPLITS:
        if split not in names:
            print(_why_not(split, args))
    if table.counts():
        print(table.table())


def _why_not(split: str, args: argparse.Namespace) -> str:
    """One sentence: why a split was not converted."""
    if args.splits:
        why = 'is not among --splits ' + ' '.join(args.splits)
    elif (args.root / LISTS).is_dir():
        why = f'has no list {args.root / LISTS / split}.txt'
    else:
        why = f'has no frames: there is no folder {args.root / "testing"}'
    return f'The split {split!r} {why}: no info file was written for it.'


def _describe(group: ExceptionGroup) -> str:
    """One line for each problem."""
    lines = [
        f'error: {escape(error)}' for error in group.exceptions[:MAX_SHOWN]
    ]
    hidden = len(group.exceptions) - len(lines)
    if hidden:
        lines.append(f'error: … and {hidden} more')
    return '\n'.join([
        *lines, f'{len(group.exceptions)} {group.message}; no '
        'info file was written'
    ])


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
    except ExceptionGroup as group:
        raise SystemExit(_describe(group)) from None
