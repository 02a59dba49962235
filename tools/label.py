"""Label frames with a teacher, or with several, as a COCO file.

Each class gets the threshold of the best F1 on val_dataloader, unless
--score-thr says otherwise. A run that was killed goes on when it is started
again.
"""
import argparse
from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.engine.labelling.labeller import Request, label
from mmxkd.engine.labelling.labels import Fusion
from mmxkd.engine.labelling.teachers import Teacher
from mmxkd.errors import CheckpointError, ConfigError, CorruptSampleError
from mmxkd.evaluation.functional.box_fusion import MODES
from mmxkd.formats.coco_check import check_coco
from mmxkd.io.atomic import write_bytes
from mmxkd.io.escape import escape
from mmxkd.io.images import encode_image, read_image
from mmxkd.io.text import read_json
from mmxkd.visualization import LabelledPicture, label_sheet, to_displayable


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Several processes: bash tools/dist_label.sh CONFIG CHECKPOINT '
        'NUMBER. The labels are the same to the byte.')
    parser.add_argument('config', type=launch.existing_file,
                        help='config file of the teacher')
    parser.add_argument('checkpoint', type=launch.existing_file,
                        help='checkpoint file')
    launch.add_arguments(parser)
    parser.add_argument('--out', required=True, type=Path, metavar='FILE',
                        help='the COCO file to write')
    group = parser.add_argument_group('frames')
    group.add_argument(
        '--data', metavar='FOLDER', help='a converted folder '
        '(annotations/unlabelled.json, or its only annotation file), or a '
        'folder of pictures; default: that of the config')
    group.add_argument(
        '--ann', metavar='FILE', help='list of the frames, relative to '
        '--data or to this folder')
    group.add_argument(
        '--dataloader', choices=('test', 'val'), default='test',
        help='whose dataset and pipeline reads them (default: %(default)s)')
    group = parser.add_argument_group('teachers')
    group.add_argument(
        '--class-map', nargs='+', default=[], metavar='CLASS=LABEL',
        help='what the classes of the teacher become; others are dropped')
    group.add_argument('--teacher', nargs='+', action='append', default=[],
                       metavar=('CONFIG', 'CHECKPOINT [CLASS=LABEL …]'),
                       help='one more teacher; may be repeated')
    group.add_argument(
        '--mirror', action='store_true',
        help='each teacher reads the mirror image of each frame, too; its '
        'boxes are joined like those of one more teacher')
    group.add_argument(
        '--fusion', choices=MODES, default='wbf',
        help='how boxes of several teachers are joined: '
        'weighted boxes fusion, or non-maximum suppression '
        '(default: %(default)s)')
    group.add_argument(
        '--fusion-iou', type=float, default=0.55, metavar='IOU',
        help='least overlap of boxes that are '
        'joined (default: %(default)s)')
    group.add_argument('--fusion-weights', type=float, nargs='+',
                       metavar='NUMBER', help='how much each teacher counts')
    parser.add_argument('--score-thr', nargs='+', default=[],
                        metavar='NUMBER|CLASS=NUMBER',
                        help='least score, for all classes or for one')
    parser.add_argument('--sheet', type=Path, metavar='FILE.png',
                        help='draw frames with labels, evenly chosen')
    parser.add_argument('--sheet-number', type=int, default=12, metavar='N',
                        help='of frames on the sheet (default: %(default)s)')
    parser.add_argument(
        '--overwrite', action='store_true',
        help='replace labels of another teacher, threshold '
        'or data')
    return parser.parse_args()


def class_map(words: list[str]) -> dict[str, str]:
    """``CLASS=LABEL`` words as a dict."""
    found = {}
    for word in words:
        own, equals, name = word.partition('=')
        if not (own and equals and name):
            raise ConfigError(f'class map: {word!r}, expected CLASS=LABEL')
        if own in found:
            raise ConfigError(f'class map: {own!r} is listed twice')
        found[own] = name
    return found


def teachers(args: argparse.Namespace) -> list[Teacher]:
    """All teachers of the command line."""
    named = [(args.config, args.checkpoint, args.class_map)]
    for words in args.teacher:
        if len(words) < 2:
            raise ConfigError(f'--teacher {" ".join(words)}: expected CONFIG '
                              'CHECKPOINT [CLASS=LABEL …]')
        for word in words[:2]:
            launch.existing_file(word)
        named.append((words[0], words[1], words[2:]))
    found = []
    for config, checkpoint, words in named:
        options = argparse.Namespace(**dict(vars(args), config=config))
        found += [
            Teacher(launch.load_config(options), checkpoint, class_map(words),
                    mirrored)
            for mirrored in ((False, True) if args.mirror else (False, ))
        ]
    return found


def fusion(args: argparse.Namespace) -> Fusion:
    """How boxes are joined; a mirror image counts like the frame."""
    weights = args.fusion_weights and tuple(
        weight for weight in args.fusion_weights
        for _ in range(2 if args.mirror else 1))
    return Fusion(args.fusion, args.fusion_iou, weights)


def draw_sheet(out: Path, path: Path, number: int) -> None:
    """Draw some of the labelled frames of a file.

    Raises:
        CorruptSampleError: The file or a picture cannot be read.
    """
    content = read_json(out, 'labels')
    check_coco(content, out)
    boxes: dict[int, list[dict]] = {}
    for annotation in content['annotations']:
        boxes.setdefault(annotation['image_id'], []).append(annotation)
    images = [image for image in content['images'] if image['id'] in boxes]
    steps = np.linspace(0, len(images) - 1, min(number, len(images)))
    classes = {c['id']: k for k, c in enumerate(content['categories'])}
    root = Path(content['info']['data']['pictures'])
    pictures = []
    for image in (images[k] for k in steps.round().astype(int)):
        found = boxes[image['id']]
        corners = np.array([a['bbox'] for a in found])
        corners[:, 2:] += corners[:, :2]
        pixels = read_image(root / image['file_name'], 'img')
        if pixels.ndim == 3:
            pixels = pixels[..., ::-1]
        pictures.append(
            LabelledPicture(
                image['file_name'], to_displayable(pixels), corners,
                np.array([a['score'] for a in found]),
                np.array([classes[a['category_id']] for a in found])))
    teacher = content['info']['teacher']
    sheet = label_sheet(
        pictures, [c['name'] for c in content['categories']],
        f'{teacher["name"]}: {len(content["annotations"])} labels in '
        f'{len(content["images"])} frames')
    write_bytes(path, encode_image(sheet[..., ::-1], '.png'))
    print(path)


def main() -> None:
    args = parse_args()
    if args.sheet_number < 1:
        raise ConfigError('--sheet-number: expected 1 or more')
    label(
        Request(teachers=teachers(args), out=args.out, data=args.data,
                ann=args.ann, loader=f'{args.dataloader}_dataloader',
                score_thr=args.score_thr, fusion=fusion(args),
                overwrite=args.overwrite))
    if args.sheet and is_main_process():
        draw_sheet(args.out, args.sheet, args.sheet_number)


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, CheckpointError, OSError,
            argparse.ArgumentTypeError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
