"""From the published folders to the layout that the data set class reads.

The output holds ``images/``, ``gated0/`` … ``gated2/``, ``gated_labels/``,
``annotations/{train,val,test}.json``, ``splits/`` and ``manifest.json``. A
frame is read completely before any of its files is written, and each file is
moved into place when it is complete; a conversion that was stopped goes on
where it was.
"""
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.stf.alignment import (
    CROP_OFFSET,
    FRAME_SIZE,
    GATED_SIZE,
    LEFT_SIZE,
    frame_to_camera,
    image_scale,
    warp_to_frame,
)
from mmxkd.formats.stf.coco import LabelledFrame, coco_annotations, sort_labels
from mmxkd.formats.stf.images import load_rgb, load_slices
from mmxkd.formats.stf.labels import format_labels, read_labels
from mmxkd.formats.stf.layout import FrameFiles
from mmxkd.formats.stf.rectify import rectify
from mmxkd.formats.stf.splits import TRUTH, UNLABELLED
from mmxkd.io.atomic import (
    remove_partial,
    write_bytes,
    write_json,
    write_text,
)
from mmxkd.io.images import encode_image
from mmxkd.io.parallel import parallel_map
from mmxkd.io.text import read_json

from .left_out import LeftOut
from .stf_classes import check_classes, count_classes, tell

MANIFEST = 'manifest.json'
PROGRESS = '.progress'
SETTINGS = 'settings.json'


@dataclass(frozen=True)
class ConvertSettings:
    """What determines the bytes of a converted frame.

    Attributes:
        source: Folder of the published data set.
        gated: Folder suffix of the slices, e.g. ``'rect8'``.
        frame: ``'gated'``: RGB is brought into the frame of the gated camera,
            and its labels are used; ``'rgb'``: the other way round.
        align: ``'homography'``, or ``'crop'`` to cut only.
        size: Width and height of all images; None: 1280x768, times the scale
            of the gated images.
        classes: Label classes that become categories.
        group_as_crowd: Whether groups are ``iscrowd``.
    """

    source: str
    gated: str
    frame: str = 'gated'
    align: str = 'homography'
    size: tuple[int, int] | None = None
    classes: tuple[str, ...] = ('Pedestrian', )
    group_as_crowd: bool = False


def convert(frames: Mapping[str, Sequence[FrameFiles]], out: Path,
            settings: ConvertSettings, num_workers: int = 0,
            left_out: LeftOut | None = None) -> dict[str, dict[str, Any]]:
    """Convert the frames of all splits.

    Args:
        frames (Mapping): Frames of train, val and test, and ``unlabelled``
            ones. If these have labels, ``unlabelled_truth.json`` gets them.
        out (Path): Folder to write to.
        settings (ConvertSettings): How to convert.
        num_workers (int): Processes; the result does not depend on it.
        left_out (LeftOut, optional): Gets what was left out, and why.

    Returns:
        dict[str, dict]: The COCO content of every split.

    Raises:
        ConfigError: ``out`` holds a conversion with other settings, or no
            label is of one of the classes.
        CorruptSampleError: A file cannot be used; nothing of its frame is
            written then, and no annotation file.
    """
    out = Path(out)
    left_out = LeftOut() if left_out is None else left_out
    every = [frame for split in frames.values() for frame in split]
    check_classes(settings.classes, count_classes(every))
    _claim(out, settings)
    try:
        records = dict(
            zip((frame.frame_id for frame in every),
                parallel_map(
                    partial(convert_frame, out=out, settings=settings), every,
                    num_workers, 'frames'), strict=True))
    finally:
        remove_partial(out, recursive=True)
    contents = {}
    for split, members in frames.items():
        labelled = [
            _labelled(frame, records[frame.frame_id], out) for frame in members
        ]
        contents[split] = coco_annotations(labelled, settings.classes,
                                           settings.group_as_crowd)
        if split == UNLABELLED:
            if any(frame.labels is not None for frame in members):
                write_json(out / 'annotations' / f'{TRUTH}.json',
                           contents[split])
            # Not a list of frames in which there is nothing.
            del contents[split]['annotations']
        else:
            told = {
                f.frame_id: records[f.frame_id]['left_out'] for f in members
            }
            tell(left_out, split, members, told, labelled, settings.classes)
        write_json(out / 'annotations' / f'{split}.json', contents[split])
        write_text(out / 'splits' / f'{split}.txt',
                   ''.join(f'{frame.frame_id}\n' for frame in members))
    files: dict[str, Any] = {}
    for record in records.values():
        files.update(record['files'])
    write_json(out / MANIFEST, {'settings': asdict(settings), 'files': files})
    return contents


def _claim(out: Path, settings: ConvertSettings) -> None:
    """Refuse to mix two conversions in one folder."""
    path = out / PROGRESS / SETTINGS
    wanted = json.loads(json.dumps(asdict(settings)))
    if path.is_file():
        found = read_json(path, 'settings')
        if found != wanted:
            before = found if isinstance(found, dict) else {}
            changed = sorted(key for key in wanted
                             if before.get(key) != wanted[key])
            raise ConfigError(
                f'{out}: holds a conversion with other settings '
                f'({", ".join(changed)}); choose another folder or remove it')
        return
    write_json(path, wanted)


def convert_frame(frame: FrameFiles, out: Path,
                  settings: ConvertSettings) -> dict[str, Any]:
    """Convert one frame, unless that has been done.

    Returns:
        dict: ``files``: path to size in bytes, sha256, dtype and shape of
        every file; ``size``: width and height of the images.
    """
    record_path = out / PROGRESS / f'{frame.frame_id}.json'
    if record_path.is_file():
        record = read_json(record_path, 'progress')
        if _is_done(record, frame, out):
            return record
    rgb, slices = load_rgb(frame.rgb), load_slices(frame.gated)
    if frame.rgb_calibration is not None:
        rgb = rectify(rgb, frame.rgb_calibration)
    if frame.gated_calibration is not None:
        slices = [rectify(image, frame.gated_calibration) for image in slices]
    left_scale = _scale(frame.rgb, 'RGB', rgb, LEFT_SIZE)
    gated_scale = _scale(frame.gated[0], 'gated', slices[0], GATED_SIZE)
    size = settings.size or (round(
        FRAME_SIZE[0] * gated_scale), round(FRAME_SIZE[1] * gated_scale))
    to_left = frame_to_camera(settings.frame, settings.align, 'left')
    to_gated = frame_to_camera(settings.frame, settings.align, 'gated')
    outputs = {'images': warp_to_frame(rgb, to_left, left_scale, size)}
    for number, image in enumerate(slices):
        outputs[f'gated{number}'] = warp_to_frame(image, to_gated, gated_scale,
                                                  size)
    labels: str | None = None
    told: list[tuple[str, str]] = []
    if frame.labels is not None:
        first = rgb if settings.frame == 'rgb' else slices[0]
        moved, told = sort_labels(
            read_labels(frame.labels),
            *_label_motion(settings.frame, size, left_scale, gated_scale),
            size, (first.shape[1], first.shape[0]))
        labels = format_labels(moved)
    files = {}
    for folder, image in outputs.items():
        name = f'{folder}/{frame.frame_id}.png'
        files[name] = _store(out / name, encode_image(image, '.png'), image)
    if labels is not None:
        name = f'gated_labels/{frame.frame_id}.txt'
        files[name] = _store(out / name, labels.encode('utf-8'))
    record = {'files': files, 'size': list(size), 'left_out': told}
    # Written last: a frame without it is converted anew.
    write_json(record_path, record)
    return record


def _is_done(record: Any, frame: FrameFiles, out: Path) -> bool:
    """Whether a record is of this frame, and its files are still there."""
    names = {
        f'{folder}/{frame.frame_id}.png'
        for folder in ('images', 'gated0', 'gated1', 'gated2')
    }
    if frame.labels is not None:
        names.add(f'gated_labels/{frame.frame_id}.txt')
    # Records of older versions have no `left_out`: converted anew.
    if not isinstance(record, dict) or record.keys() != {
            'files', 'size', 'left_out'
    } or set(record['files']) != names:
        return False
    return all(
        (out / name).is_file() and (out / name).stat().st_size == entry['size']
        for name, entry in record['files'].items())


def _scale(path: Path, modality: str, image: np.ndarray,
           official: tuple[int, int]) -> float:
    try:
        return image_scale(image.shape[1], image.shape[0], official)
    except ConfigError as error:
        raise CorruptSampleError(path, modality, str(error)) from error


def _label_motion(
        frame: str, size: tuple[int, int], left_scale: float,
        gated_scale: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Scale and shift from label pixels to those of the output."""
    stretch = [out / full for out, full in zip(size, FRAME_SIZE, strict=True)]
    if frame == 'rgb':
        return ((stretch[0] / left_scale, stretch[1] / left_scale),
                (-CROP_OFFSET[0] * stretch[0], -CROP_OFFSET[1] * stretch[1]))
    scale = (stretch[0] / gated_scale,
             stretch[1] / gated_scale * FRAME_SIZE[1] / GATED_SIZE[1])
    return scale, (0.0, 0.0)


def _store(path: Path, data: bytes,
           image: np.ndarray | None = None) -> dict[str, Any]:
    write_bytes(path, data)
    entry: dict[str, Any] = {
        'size': len(data), 'sha256': hashlib.sha256(data).hexdigest()
    }
    if image is not None:
        entry.update(dtype=str(image.dtype), shape=list(image.shape))
    return entry


def _labelled(frame: FrameFiles, record: Mapping[str, Any],
              out: Path) -> LabelledFrame:
    labels = []
    if frame.labels is not None:
        labels = read_labels(out / 'gated_labels' / f'{frame.frame_id}.txt')
    return LabelledFrame(frame.frame_id, tuple(record['size']), frame.weather,
                         frame.daytime, labels)
