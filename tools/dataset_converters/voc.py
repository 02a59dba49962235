"""Convert data in VOC's form into COCO files, with few labels or with all.

Pictures are copied to OUT/images. mmxkd.VOCDataset needs no conversion; this
is for experiments with unlabelled frames, and for all that reads COCO.

    python tools/dataset_converters/voc.py data/BCCD data/bccd \
        --classes RBC WBC Platelets --clip --labelled 60
"""
import argparse
import shutil
from pathlib import Path

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.datasets import VOCDataset
from mmxkd.datasets.convert.coco import coco_content, hold_back, write_coco
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.voc.layout import CLASSES
from mmxkd.io.escape import escape


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'root', type=Path, help='holds JPEGImages, '
        'Annotations and ImageSets, or folders of years')
    parser.add_argument('out', type=Path, help='folder to write to')
    for split in ('train', 'val', 'test'):
        parser.add_argument(
            f'--{split}', nargs='+', metavar='LIST', default=[split],
            help='lists of ids, such as VOC2007/trainval (default: '
            '%(default)s)')
    parser.add_argument('--classes', nargs='+', default=list(CLASSES),
                        help='default: those of VOC')
    parser.add_argument('--clip', action='store_true',
                        help='cut boxes at the border of the picture')
    parser.add_argument('--ignore-unknown', action='store_true',
                        help='leave out objects of other classes')
    parser.add_argument(
        '--labelled', type=int, metavar='N',
        help='keep the labels of so many frames of --train; the others are '
        'listed in unlabelled.json, their labels in unlabelled_truth.json')
    parser.add_argument(
        '--seed', type=int, default=0,
        help='draws the labelled frames (default: '
        '%(default)s)')
    return parser.parse_args(argv)


def file_name(info: dict) -> str:
    """Where a picture is copied to, relative to the output."""
    return f'images/{Path(info["img_path"]).name}'


def in_own_words(error: Exception) -> str:
    """What went wrong, with the option of this command in place of an
    argument of the dataset.
    """
    return escape(error).replace('ignore_unknown=True', '--ignore-unknown')


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    contents = {}
    copies: dict[Path, Path] = {}
    for split in ('train', 'val', 'test'):
        dataset = VOCDataset(splits=getattr(args, split),
                             data_root=str(args.root), clip=args.clip,
                             ignore_unknown=args.ignore_unknown,
                             metainfo=dict(classes=tuple(args.classes)),
                             pipeline=[])
        contents[split] = coco_content(dataset, file_name)
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            source = Path(info['img_path'])
            other = copies.setdefault(args.out / file_name(info), source)
            if other != source:
                raise ConfigError(f'{other} and {source} have one name; '
                                  'convert them into folders of their own')
    # Everything is read and checked before anything is written.
    parts = {
        **contents, **hold_back(contents['train'], args.labelled, args.seed)
    }
    for path, source in copies.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.stat().st_size != source.stat().st_size:
            shutil.copyfile(source, path)
    write_coco(parts, args.out)


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        raise SystemExit(f'error: {in_own_words(error)}') from None
