"""Writes synthetic drives in the folder layout of MAVD.

A drive is drawn as a whole, since the sound of its frames overlaps. Beside the
files of MAVD there are::

    ROOT/rig.json                  places of the microphones, camera
    ROOT/truth.json                boxes and ids of all frames
    ROOT/truth/DRIVE.json          more of each vehicle: place, level, ...
"""
import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmxkd.formats.mavd.layout import (
    CAMERAS,
    LIGHTINGS,
    MICROPHONES,
    SPLITS,
    TRUTH_FILE,
    FrameId,
    audio_path,
    picture_path,
    split_file,
)
from mmxkd.io.atomic import write_bytes, write_json, write_text
from mmxkd.io.images import encode_image
from mmxkd.synthetic.claim import claim_folder
from mmxkd.synthetic.drawing import draw_frames
from mmxkd.synthetic.sensors.disparity import render_disparity
from mmxkd.synthetic.sensors.raster import rasterize
from mmxkd.synthetic.sensors.rgb import (
    NOISE_STREAM,
    expose,
    lit_radiance,
)
from mmxkd.synthetic.sensors.thermal import render_thermal

from .annotate import TrueBox, annotate_drive
from .rig import drive_camera, microphone_places, mirrored_microphones
from .sampler import CLEAR, Drive, sample_drive
from .settings import DriveSettings
from .sound import clip_length, clip_start, encode_wav, record_drive
from .truth import drive_truth, join_truth

RIG_FILE = 'rig.json'
TRUTH_FOLDER = 'truth'
SUFFIXES = {'rgb': '.jpg', 'thermal': '.png', 'depth': '.jpg'}
"""A JPEG does not hold the 16 bits of the thermal camera."""
_START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_HOURS = {'day': 12, 'night': 23}


def drive_name(index: int, settings: DriveSettings) -> str:
    """The folder of a drive: one a day, at noon or late at night.

    Examples:
        >>> drive_name(3, DriveSettings(2, 2, 2))
        'drive_night_2020_01_04_23_00_00'
    """
    _, lighting = settings.place_of(index)
    return f'drive_{lighting}_{_begin(index, lighting):%Y_%m_%d_%H_%M_%S}'


def _begin(index: int, lighting: str) -> datetime.datetime:
    return _START + datetime.timedelta(days=index, hours=_HOURS[lighting])


def frame_ids(index: int, settings: DriveSettings) -> list[FrameId]:
    """The frames of a drive, in the order of time.

    Examples:
        >>> str(frame_ids(0, DriveSettings(2, 2, 2))[6].stamp)
        '1577880001_200000000_0'
    """
    name = drive_name(index, settings)
    begin = round(_begin(index, settings.place_of(index)[1]).timestamp())
    ids = []
    for frame in range(settings.frames):
        nanoseconds = round(frame * settings.interval * 10**9)
        seconds, rest = divmod(nanoseconds, 10**9)
        ids.append(FrameId(name, f'{begin + seconds}_{rest:09d}_0'))
    return ids


def drive_paths(index: int, root: Path,
                settings: DriveSettings) -> list[list[Path]]:
    """The files of each frame of a drive: cameras, then microphones."""
    return [[
        root / path
        for path in (*(picture_path(camera, frame, SUFFIXES[camera])
                       for camera in CAMERAS), *(audio_path(frame, k, '.wav')
                                                 for k in range(MICROPHONES)))
    ] for frame in frame_ids(index, settings)]


def write_drive(index: int, root: Path, settings: DriveSettings) -> None:
    """Draw one drive, unless all of its files are there.

    Args:
        index (int): Counts on from train to val to test.
        root (Path): Of the data set.
        settings (DriveSettings): Of the data set.
    """
    truth_path = _truth_path(index, root, settings)
    paths = drive_paths(index, root, settings)
    if truth_path.is_file() and all(path.is_file() for files in paths
                                    for path in files):
        return
    drive = sample_drive(settings, index)
    sound = record_drive(drive, settings)
    boxes = []
    for frame, files in enumerate(paths):
        pictures, found = draw_frame(drive, frame, settings)
        boxes.append(found)
        for camera, path in zip(CAMERAS, files, strict=False):
            write_bytes(path, encode_image(pictures[camera], path.suffix))
        start = clip_start(frame, settings)
        clip = sound[:, start:start + clip_length(settings)]
        for samples, path in zip(clip, files[len(CAMERAS):], strict=True):
            write_bytes(path, encode_wav(samples, settings.sample_rate))
    names = map(str, frame_ids(index, settings))
    truth = drive_truth(names, boxes, drive_camera(settings.scale).size)
    # Last of all: where it is, the rest is.
    write_json(truth_path, truth)


def draw_frame(
        drive: Drive, frame: int,
        settings: DriveSettings) -> tuple[dict[str, Any], list[TrueBox]]:
    """Pictures of each camera, and true boxes, of one frame.

    Returns:
        tuple[dict, list[TrueBox]]: ``rgb`` and ``depth`` (H, W, 3) uint8 BGR,
        ``thermal`` (H, W) uint16; and the boxes.
    """
    camera = drive_camera(settings.scale)
    scene, vehicles = drive.scene(frame, frame * settings.interval)
    surfaces = rasterize(scene, camera)
    air = scene.atmosphere
    pictures = dict(
        rgb=expose(lit_radiance(surfaces, camera, air),
                   scene.rng(NOISE_STREAM), air.daytime, CLEAR[air.daytime]),
        thermal=render_thermal(scene, surfaces),
        depth=render_disparity(scene, surfaces, camera))
    return pictures, annotate_drive(scene, vehicles, surfaces, camera)


def write_drives(root: Path, settings: DriveSettings,
                 num_workers: int = 0) -> dict[str, list[str]]:
    """Draw a data set; drives that are there already are kept.

    Args:
        root (Path): Folder to write to.
        settings (DriveSettings): What to draw.
        num_workers (int): Processes; the result does not depend on it.

    Returns:
        dict[str, list[str]]: Ids of the frames in each split file.

    Raises:
        ConfigError: ``root`` holds a data set with other settings.
    """
    root = Path(root)
    claim_folder(root, settings)
    write_json(root / RIG_FILE, rig_content(settings))
    draw_frames(root, settings, write_drive, settings.drives, num_workers,
                'drives')
    truths = []
    for index in range(settings.drives):
        path = _truth_path(index, root, settings)
        picture = picture_path('rgb', FrameId(path.stem, '{stamp}'),
                               SUFFIXES['rgb'])
        truths.append(
            (index, picture, json.loads(path.read_text(encoding='utf-8'))))
    write_json(root / TRUTH_FILE, join_truth(truths))
    splits = split_ids(settings)
    for name, ids in splits.items():
        write_text(root / name, ''.join(f'{line}\n' for line in ids))
    return splits


def split_ids(settings: DriveSettings) -> dict[str, list[str]]:
    """Frames of each split file: all of a split, and those by day or night.
    """
    files: dict[str, list[str]] = {
        split_file(split, lighting): [] for split in SPLITS
        for lighting in (None, *LIGHTINGS)
    }
    for index in range(settings.drives):
        split, lighting = settings.place_of(index)
        ids = [str(frame) for frame in frame_ids(index, settings)]
        for name in (split_file(split), split_file(split, lighting)):
            files[name] += ids
    return files


def rig_content(settings: DriveSettings) -> dict[str, Any]:
    """Content of ``rig.json``; metres and pixels, x right, y down, z forwards.
    """
    camera = drive_camera(settings.scale)
    return dict(microphones=microphone_places().round(6).tolist(),
                microphone_permutation=mirrored_microphones(),
                sample_rate=settings.sample_rate, duration=settings.duration,
                camera=asdict(camera))


def _truth_path(index: int, root: Path, settings: DriveSettings) -> Path:
    return root / TRUTH_FOLDER / f'{drive_name(index, settings)}.json'
