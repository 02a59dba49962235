"""Show one frame of a synthetic drive: cameras, sound, true boxes."""
import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from mmxkd.errors import ConfigError, CorruptSampleError, check_name
from mmxkd.formats.mavd.layout import (
    CAMERAS,
    MICROPHONES,
    PICTURE_SUFFIXES,
    FrameId,
    audio_path,
    parse_id,
    picture_path,
)
from mmxkd.io.atomic import write_bytes
from mmxkd.io.escape import escape
from mmxkd.io.images import encode_image, read_image
from mmxkd.io.sounds import read_sound
from mmxkd.io.text import read_json
from mmxkd.models.layers.log_mel import LogMel
from mmxkd.visualization import DriveFrame, drive_sheet, grey_picture


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'root', type=Path, help='folder of tools/dataset_converters/'
        'synthetic_sound.py')
    parser.add_argument('drive', help='name of a drive in it')
    parser.add_argument('--frame', type=int, default=0,
                        help='number of the frame (default: %(default)s)')
    parser.add_argument(
        '--out', type=Path, default=Path('drive_views.jpg'),
        help='picture to write, .jpg or .png (default: %(default)s)')
    return parser.parse_args(argv)


def load_frame(root: Path, drive: str,
               number: int) -> tuple[DriveFrame, FrameId]:
    """Read all that there is of a frame.

    Args:
        root (Path): Of the data set.
        drive (str): Name of the drive.
        number (int): Of the frame in it.

    Raises:
        ConfigError: There is no such drive or frame.
    """
    known = sorted(path.stem for path in (root / 'truth').glob('*.json'))
    check_name('drive', drive, known, str(root))
    path = root / 'truth' / f'{drive}.json'
    frames = read_json(path, 'truth')['frames']
    if not 0 <= number < len(frames):
        raise ConfigError(f'{drive} has frames 0..{len(frames) - 1}: {number}')
    told = frames[number]
    frame = parse_id(told['frame_id'], path)
    pictures = {c: read_image(_picture(root, c, frame), c) for c in CAMERAS}
    clips, rate = [], 0
    for k in range(MICROPHONES):
        sound, rate = read_sound(root / audio_path(frame, k, '.wav'))
        clips.append(sound[0])
    layer = LogMel(sample_rate=rate, n_fft=512, hop=64, n_mels=40,
                   reference='common', top_db=50)
    vehicles = told['vehicles']
    return DriveFrame(
        rgb=pictures['rgb'][..., ::-1],
        thermal=grey_picture(pictures['thermal'][..., None])[..., 0],
        depth=pictures['depth'][..., ::-1],
        spectrogram=layer(torch.from_numpy(np.stack(clips))).numpy(),
        boxes=np.array([v['box'] for v in vehicles]).reshape(-1, 4),
        ids=np.array([v['number'] for v in vehicles], int),
        places=np.array([v['place'] for v in vehicles]).reshape(-1, 2)), frame


def _picture(root: Path, camera: str, frame: FrameId) -> Path:
    paths = [root / picture_path(camera, frame, s) for s in PICTURE_SUFFIXES]
    return next((path for path in paths if path.is_file()), paths[0])


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    frame, name = load_frame(args.root, args.drive, args.frame)
    sheet = drive_sheet(frame, str(name))
    write_bytes(
        args.out,
        encode_image(cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), args.out.suffix))
    print(f'{args.out}: {len(frame.boxes)} vehicles')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
