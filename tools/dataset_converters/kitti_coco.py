"""Write COCO files for KITTI, with few labels or with all.

For experiments with unlabelled frames, and for all that reads COCO. Run
tools/dataset_converters/kitti.py before, with --depth where a teacher sees
depth. KITTI's test frames have no labels: a part of the validation frames is
for testing.

    python tools/dataset_converters/kitti_coco.py data/kitti --labelled 60

What KITTI ignores (DontCare, what resembles a class, what is beyond hard) is
marked iscrowd: neither object nor background.
"""
import argparse
from pathlib import Path

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.datasets import KittiDataset
from mmxkd.datasets.convert.coco import coco_content, hold_back, write_coco
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.coco_subset import coco_split
from mmxkd.io.escape import escape


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'root', type=Path, help='of the converted data; the '
        'files are written to ROOT/annotations')
    parser.add_argument('--classes', nargs='+',
                        default=list(KittiDataset.METAINFO['classes']),
                        help='default: %(default)s')
    parser.add_argument(
        '--labelled', type=int, metavar='N',
        help='keep the labels of so many training frames; the others are '
        'listed in unlabelled.json, their labels in unlabelled_truth.json')
    parser.add_argument(
        '--val', type=int, metavar='N', help='validation frames that stay '
        'such; the others are for testing (default: half of them)')
    parser.add_argument('--seed', type=int, default=0,
                        help='draws both parts (default: %(default)s)')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)

    def file_name(info: dict) -> str:
        return Path(info['img_path']).relative_to(args.root).as_posix()

    found = {}
    for split in ('train', 'val'):
        # Not in test mode: what is beyond hard is ignored in each split.
        dataset = KittiDataset(ann_file=f'kitti_infos_{split}.json',
                               data_root=str(args.root), pipeline=[],
                               metainfo=dict(classes=tuple(args.classes)))
        found[split] = coco_content(dataset, file_name)
    frames = len(found['val']['images'])
    val, test = coco_split(found['val'],
                           frames // 2 if args.val is None else args.val,
                           args.seed)
    if not test['images']:
        raise ConfigError(f'--val {args.val}: no frame is left for testing; '
                          f'expected fewer than {frames}')
    write_coco(
        dict(hold_back(found['train'], args.labelled, args.seed), val=val,
             test=test), args.root)


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
