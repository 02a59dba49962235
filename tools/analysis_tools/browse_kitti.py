"""Draw KITTI frames with their labels and their LiDAR points over the image.

Where calibration and data belong together, points of an object lie on it, its
edges are where the depth jumps, and 3-D boxes stand on the ground.
"""
import argparse
from pathlib import Path

import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean
from mmxkd.formats.kitti import (
    KittiObjects,
    project_depth,
    read_calibration,
    read_label_file,
    read_scan,
)
from mmxkd.formats.kitti.layout import frame_path, frames_with
from mmxkd.io.atomic import write_bytes
from mmxkd.io.images import encode_image, read_image
from mmxkd.visualization import draw_frame, draw_modality


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'folder', type=Path,
        help='such as data/kitti/training; without label_2 '
        'no boxes are drawn')
    parser.add_argument('out', type=Path, help='folder for the pictures')
    parser.add_argument('--frames', nargs='+', metavar='ID',
                        help='default: --number frames, evenly spaced')
    parser.add_argument(
        '--number', type=int, default=6,
        help='of frames, without --frames (default: %(default)s)')
    parser.add_argument(
        '--max-depth', type=float, default=80.0,
        help='metres, end of the colour scale '
        '(default: %(default)s)')
    return parser.parse_args(argv)


def choose(folder: Path, frames: list[str] | None, number: int) -> list[str]:
    """Frames by id, or evenly spaced."""
    known = sorted(frames_with(folder, 'image_2'))
    if not known:
        raise ConfigError(f'{folder}: no images in image_2')
    if number < 1:
        raise ConfigError(f'--number {number}: expected 1 or more')
    if frames is None:
        steps = np.linspace(0, len(known) - 1, min(number, len(known)))
        return [known[i] for i in steps.round().astype(int)]
    for frame in frames:
        if frame not in known:
            raise ConfigError(f'--frames: {frame!r} is not in {folder}; '
                              + did_you_mean(frame, known))
    return frames


def picture_of(folder: Path, frame: str, max_depth: float) -> np.ndarray:
    """One frame, drawn from its files."""
    image = read_image(frame_path(folder, 'image_2', frame), 'image_2')
    calibration = read_calibration(frame_path(folder, 'calib', frame))
    points = read_scan(frame_path(folder, 'velodyne', frame))
    if (folder / 'label_2').is_dir():
        objects = read_label_file(frame_path(folder, 'label_2', frame))
    else:
        objects = KittiObjects.from_frames(
            {frame: dict(name=[], bbox=np.zeros((0, 4)))})
    depth = project_depth(points, calibration, *image.shape[:2])
    return draw_frame(
        draw_modality('img', image), depth, objects, calibration.P2,
        f'{frame} · labels: {len(objects)} · LiDAR in '
        f'{np.count_nonzero(depth)} pixels', max_depth)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    if not args.max_depth > 0:
        raise ConfigError(f'--max-depth {args.max_depth}: expected metres '
                          'above 0')
    for frame in choose(args.folder, args.frames, args.number):
        picture = picture_of(args.folder, frame, args.max_depth)
        path = args.out / f'{frame}.png'
        write_bytes(path, encode_image(picture[..., ::-1], '.png'))
        print(path)


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError) as error:
        raise SystemExit(f'error: {error}') from None
