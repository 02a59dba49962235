"""Convert MAVD, or synthetic drives in its folders, for training.

Of each frame, the eight recordings (or published pickles, which are never
unpickled) become one array, DRIVE/sound/STAMP.npz. Each split gets an index,
annotations/SPLIT.json, with --lighting annotations/SPLIT_LIGHTING.json.
Pictures stay where they are.

    python tools/dataset_converters/mavd.py data/mavd --workers 4
"""
import argparse
from pathlib import Path

from mmxkd.datasets.convert.mavd import REPORT, MavdSettings, convert
from mmxkd.datasets.convert.mavd_frame import SoundSettings
from mmxkd.datasets.convert.mavd_report import (
    WINDOWS,
    BadFilesError,
    Report,
    check_splits_apart,
)
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.layout import (
    LIGHTINGS,
    SPLITS,
    TRUTH_FILE,
    index_name,
    read_split,
    split_file,
)
from mmxkd.formats.mavd.sound_array import KINDS
from mmxkd.io.command_line import add_workers
from mmxkd.io.escape import escape

DEFAULT = SoundSettings()
# Of a list of ids, as many are shown; the report has all.
_SHOWN = 3


def _columns(text: str) -> str | tuple[int, int]:
    if text in ('published', 'all'):
        return text
    try:
        first, end = (int(column) for column in text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError(
            "expected 'published', 'all' or FIRST,END") from None
    if not 0 <= first < end:
        raise argparse.ArgumentTypeError(
            f'{text}: expected FIRST,END: 0 or more, rising')
    return first, end


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, help='the published folders')
    parser.add_argument('--out', type=Path,
                        help='where to write (default: into ROOT)')
    add_workers(parser, '--workers')
    group = parser.add_argument_group('frames')
    group.add_argument('--splits', nargs='+', default=list(SPLITS),
                       metavar='NAME', help='default: train val test')
    group.add_argument(
        '--lighting', choices=LIGHTINGS,
        help='read the split files of day or night, such as '
        'train_day_all.txt')
    group.add_argument('--drive-type', default='all', metavar='NAME',
                       help='last word of the split files (default: all)')
    group.add_argument(
        '--leave-out-bad', action='store_true',
        help='write the index without frames that have bad files')
    group = parser.add_argument_group('sound')
    group.add_argument(
        '--source', choices=('auto', 'sound', 'pickles'), default='auto',
        help='auto: sound files if there are any, else pickles (default: '
        '%(default)s)')
    group.add_argument(
        '--store', choices=KINDS, default=DEFAULT.store,
        help='what arrays hold; spectrograms are a third in size, but '
        'cannot be mixed and have no phases (default: %(default)s)')
    group.add_argument('--sample-rate', type=int, default=DEFAULT.sample_rate,
                       metavar='HZ', help='default: %(default)s')
    group.add_argument('--seconds', type=float, default=DEFAULT.seconds,
                       help='of each recording (default: %(default)s)')
    group.add_argument(
        '--offset', type=float, default=DEFAULT.offset,
        help='seconds that are left out before (default: '
        '%(default)s)')
    group.add_argument(
        '--silent', choices=('refuse', 'keep'), default=DEFAULT.silent,
        help='whether a microphone that heard nothing is bad (default: '
        '%(default)s)')
    group = parser.add_argument_group('pictures')
    group.add_argument(
        '--columns', type=_columns, default='published', metavar='FIRST,END',
        help='the part of pictures that is the frame of boxes and models; '
        'all; or published: 200,1720 of pictures that are 1920 wide (default: '
        '%(default)s)')
    group.add_argument(
        '--decode-pictures', action='store_true',
        help='decode all pictures, not only their headers; slow')
    group.add_argument(
        '--truth', type=Path, metavar='FILE',
        help='true boxes of synthetic drives, for all splits but train '
        f'(default: ROOT/{TRUTH_FILE} if it is there)')
    group.add_argument(
        '--label-train', action='store_true',
        help='true boxes for train, too: drives that teachers learn from')
    args = parser.parse_args(argv)
    try:
        args.sound = SoundSettings(args.source, args.store, args.sample_rate,
                                   args.seconds, args.offset, args.silent)
    except ConfigError as error:
        parser.error(str(error))
    return args


def show(report: Report) -> None:
    """Print what is worth to be known."""
    for split, found in report.told.items():
        for what, ids in found.items():
            rest = ', …' if len(ids) > _SHOWN else ''
            print(f'{split}: {len(ids)} frames: {what}: '
                  + escape(', '.join(ids[:_SHOWN]) + rest))
    for what, number in report.totals.items():
        print(f'{what}: {number}')
    if sum(what.endswith(WINDOWS) for what in report.totals) > 1:
        print('spectrograms differ in length: a detector hears them with '
              'stretch=True of SoundDetDataPreprocessor alone')
    if 'frames with thermal of 8 bits' in report.totals:
        print('thermal of 8 bits has no values within the published window: '
              'take StretchThermal(window=None)')


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    splits = {}
    for name in args.splits:
        words = name, args.lighting, args.drive_type or None
        splits[index_name(*words)] = read_split(args.root / split_file(*words))
    for told in check_splits_apart(splits):
        print(f'warning: {escape(told)}')
    truth = args.truth
    if truth is None and (args.root / TRUTH_FILE).is_file():
        truth = args.root / TRUTH_FILE
    if args.label_train and truth is None:
        raise ConfigError(f'--label-train: {args.root / TRUTH_FILE} is not '
                          'there, and --truth names no other file')
    settings = MavdSettings(args.sound, args.columns, args.decode_pictures,
                            args.leave_out_bad)
    try:
        report = convert(args.root, splits, settings, args.out, truth,
                         args.label_train, args.workers)
    except BadFilesError as error:
        show(error.report)
        raise
    show(report)
    out = args.out or args.root
    for split, count in report.frames.items():
        print(f'{out / "annotations" / split}.json: {count} frames')
    print(f'bad files: {len(report.bad)}; {out / REPORT} lists them')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, BadFilesError, OSError,
            ModuleNotFoundError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
