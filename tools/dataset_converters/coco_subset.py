"""Keep a part of the frames of a COCO annotation file, drawn at random.

For curves over the number of labelled frames: with one seed, the 60 frames
that are kept are among the 120 that would be.

    python tools/dataset_converters/coco_subset.py \
        data/stf/annotations/train.json --frames 60 --out train_60.json
"""
import argparse
from pathlib import Path

import mmxkd  # noqa: F401
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.coco_check import check_coco
from mmxkd.formats.coco_subset import coco_subset
from mmxkd.io.atomic import write_json
from mmxkd.io.escape import escape
from mmxkd.io.text import read_json


def parse_args(argv=None) -> argparse.Namespace:
    """Options of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', type=Path,
                        help='COCO file to take frames from')
    parser.add_argument('--frames', type=int, required=True, metavar='N',
                        help='number of frames to keep')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of what is drawn (default: %(default)s)')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE',
                        help='COCO file to write')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    content = read_json(args.annotations, 'annotations')
    check_coco(content, args.annotations)
    kept = coco_subset(content, args.frames, args.seed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(args.out, kept)
    print(f'{args.out}: {len(kept["images"])} of {len(content["images"])} '
          f'frames, {len(kept["annotations"])} boxes')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
