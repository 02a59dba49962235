"""Draw scenes with ground truth and the detections of models side by side.

The models' detections are COCO result files, as ``tools/test.py --out`` writes
them. Without --frames, scenes with objects are taken evenly from the whole
split, so that nobody chooses the flattering ones.
"""
import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from mmxkd.errors import ConfigError, check_known, did_you_mean
from mmxkd.io.atomic import write_bytes
from mmxkd.visualization import (
    Panel,
    compare_detections,
    draw_modality,
    to_displayable,
)

GATED = ('gated0', 'gated1', 'gated2')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root', type=Path, help='converted data')
    parser.add_argument('out', type=Path, help='folder for the pictures')
    parser.add_argument(
        '--split', default='test',
        help='its annotations/SPLIT.json is the ground truth '
        '(default: %(default)s)')
    parser.add_argument(
        '--models', nargs='+', required=True, metavar='TITLE=FILE.bbox.json',
        help='the detections of each model, and its title in the pictures')
    parser.add_argument(
        '--sees-gated', nargs='+', default=[], metavar='TITLE',
        help='models that are drawn over '
        'the slices, in colours, instead of RGB')
    parser.add_argument(
        '--frames', nargs='+', metavar='ID', help=
        'ids of the scenes to draw; default: --number of them, evenly spaced')
    parser.add_argument('--number', type=int, default=6,
                        help='of scenes (default: %(default)s)')
    parser.add_argument('--score-thr', type=float, default=0.5,
                        help='least score to be drawn (default: %(default)s)')
    return parser.parse_args()


def choose(images: list[dict], truth: dict, number: int) -> list[dict]:
    """Scenes with objects, evenly spaced."""
    with_objects = [image for image in images if truth[image['id']]]
    number = min(number, len(with_objects))
    steps = np.linspace(0, len(with_objects) - 1, number).round().astype(int)
    return [with_objects[i] for i in steps]


def named(images: list[dict], frames: list[str]) -> list[dict]:
    """Scenes by frame id."""
    by_id = {image['frame_id']: image for image in images}
    for frame in frames:
        if frame not in by_id:
            raise ConfigError(f'--frames: {frame!r} is not in this split; '
                              + did_you_mean(frame, by_id))
    return [by_id[frame] for frame in frames]


def read(path: Path, flag: int) -> np.ndarray:
    image = cv2.imread(str(path), flag)
    if image is None:
        raise ConfigError(f'{path}: missing, or not an image')
    return image


def xyxy(boxes: list[list[float]]) -> np.ndarray:
    array = np.array(boxes, float).reshape(-1, 4)
    array[:, 2:] += array[:, :2]
    return array


def panels_of(image: dict, root: Path, truth: np.ndarray,
              models: dict[str, list[dict]], sees_gated: list[str],
              score_thr: float) -> list[Panel]:
    """RGB, the three slices and one panel per model."""
    rgb = draw_modality('img', read(root / image['file_name'],
                                    cv2.IMREAD_COLOR))
    name = Path(image['file_name']).name
    slices = np.stack(
        [read(root / folder / name, cv2.IMREAD_UNCHANGED) for folder in GATED],
        axis=-1)
    panels = [Panel('RGB, ground truth', rgb, truth)]
    panels += [
        Panel(f'gated slice {i} ({where})',
              to_displayable(slices[..., i], gamma=0.7), truth)
        for i, where in enumerate(('near', 'middle', 'far'))
    ]
    for title, detections in models.items():
        kept = [d for d in detections if d['score'] >= score_thr]
        seen = draw_modality('gated', slices) if title in sees_gated else rgb
        panels.append(
            Panel(title, seen, truth, xyxy([d['bbox'] for d in kept]),
                  np.array([d['score'] for d in kept])))
    return panels


def main() -> None:
    args = parse_args()
    content = json.loads(
        (args.data_root / 'annotations' / f'{args.split}.json').read_text())
    truth: dict[int, list] = defaultdict(list)
    for annotation in content['annotations']:
        truth[annotation['image_id']].append(annotation['bbox'])
    models: dict[str, dict[int, list]] = {}
    for item in args.models:
        title, equals, path = item.partition('=')
        if not equals or not Path(path).is_file():
            raise ConfigError(f'--models {item!r}: expected TITLE=FILE, with '
                              'a file that exists')
        models[title] = defaultdict(list)
        for detection in json.loads(Path(path).read_text()):
            models[title][detection['image_id']].append(detection)
    for title in args.sees_gated:
        check_known('--sees-gated', title, models)
    images = content['images']
    chosen = (named(images, args.frames) if args.frames else choose(
        images, truth, args.number))
    args.out.mkdir(parents=True, exist_ok=True)
    for image in chosen:
        conditions = f'{image["weather"]}, {image["daytime"]}'.replace(
            '_', ' ')
        panels = panels_of(image, args.data_root, xyxy(truth[image['id']]),
                           {t: d[image['id']] for t, d in models.items()},
                           args.sees_gated, args.score_thr)
        picture = compare_detections(
            panels, f'{image["frame_id"]} · {conditions} · detections with '
            f'score ≥ {args.score_thr}')
        path = args.out / f'{image["frame_id"]}.png'
        encoded = cv2.imencode('.png', picture[..., ::-1])[1]
        write_bytes(path, encoded.tobytes())
        print(path)


if __name__ == '__main__':
    try:
        main()
    except ConfigError as error:
        sys.exit(f'error: {error}')
