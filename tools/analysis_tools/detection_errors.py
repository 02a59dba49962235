"""Count and draw the mistakes in KITTI results: loc, cls, bg and missed.

The results are a folder of text files, as KittiMetric2D writes them with
submission_prefix. OUT gets OUT/<kind>/<number>.png, the mistakes with the
highest scores of each kind. Images without objects are left out.
"""
import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.evaluation.functional.detection_errors import (
    ERRORS,
    KINDS,
    Finding,
    detection_errors,
)
from mmxkd.formats.kitti import CLASSES, read_labels, read_results
from mmxkd.formats.kitti.label_files import frame_ids_of
from mmxkd.formats.kitti.objects import KittiObjects
from mmxkd.io.atomic import write_bytes
from mmxkd.io.images import read_image
from mmxkd.visualization.error_pictures import draw_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('results', type=Path,
                        help='folder of results, <frame id>.txt')
    parser.add_argument('training', type=Path,
                        help="KITTI's training/, with label_2 and image_2")
    parser.add_argument('out', type=Path, help='folder for the pictures')
    parser.add_argument('--number', type=int, default=10,
                        help='pictures of each kind (default: %(default)s)')
    return parser.parse_args()


def judge(truth: KittiObjects, results: KittiObjects) -> dict:
    """Mistakes of each frame: frame id → objects, detections, findings."""
    found = {}
    for frame_id in results.frame_ids:
        own, seen = truth.of_frame(frame_id), results.of_frame(frame_id)
        # Other classes are no objects here: DontCare, Van and so on.
        counts = np.flatnonzero(np.isin(own.name, CLASSES))
        findings = detection_errors(seen.bbox, seen.name, seen.score,
                                    own.bbox[counts], own.name[counts])
        found[frame_id] = (own, seen, [
            Finding(f.kind, f.detection,
                    int(counts[f.truth]) if f.truth >= 0 else -1, f.iou)
            for f in findings
        ])
    return found


def draw(frames: dict, training: Path, out: Path, kind: str,
         number: int) -> int:
    """Write the pictures of one kind; how many there are."""
    cases = [(frame_id, own, seen, f)
             for frame_id, (own, seen, all_) in frames.items() for f in all_
             if f.kind == kind]
    # The surest mistakes first. A missed object has no score.
    cases.sort(key=lambda case: -case[2].score[case[3].detection]
               if case[3].detection >= 0 else 0)
    folder = out / kind
    folder.mkdir(parents=True, exist_ok=True)
    # An earlier run may have drawn more; other files stay.
    for path in folder.glob('*.png'):
        if path.stem.isdecimal():
            path.unlink()
    for i, (frame_id, own, seen, finding) in enumerate(cases[:number]):
        image = read_image(str(training / 'image_2' / f'{frame_id}.png'),
                           'img')
        box, text = None, ''
        if finding.detection >= 0:
            box = seen.bbox[finding.detection]
            text = (f'{seen.name[finding.detection]} '
                    f'({seen.score[finding.detection]:.2f})')
        true_box, true_text = None, ''
        if finding.truth >= 0:
            true_box = own.bbox[finding.truth]
            true_text = str(own.name[finding.truth])
        picture = draw_error(image, box, text, true_box, true_text)
        write_bytes(folder / f'{i}.png',
                    cv2.imencode('.png', picture)[1].tobytes())
    return min(number, len(cases))


def main() -> None:
    args = parse_args()
    if args.number < 0:
        raise ConfigError(f'--number {args.number}: expected 0 or more')
    results = read_results(args.results, frame_ids_of(args.results))
    truth = read_labels(args.training / 'label_2', results.frame_ids)
    frames = judge(truth, results)
    kinds = [f.kind for _, _, findings in frames.values() for f in findings]
    objects = sum(kinds.count(k) for k in KINDS[:1]) + kinds.count('missed')
    print(f'{len(frames)} frames, {objects} objects')
    for kind in KINDS:
        drawn = ''
        if kind in ERRORS:
            count = draw(frames, args.training, args.out, kind, args.number)
            drawn = f'  {count} in {args.out / kind}'
        print(f'{kind:9} {kinds.count(kind):6}{drawn}')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        sys.exit(f'error: {error}')
