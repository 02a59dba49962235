"""From the published folders to checked info files, and depth maps.

Every file of every frame is read completely. One that cannot be used does not
end the conversion: all of them are reported at its end, and then no info file
is written. A conversion that was stopped goes on where it was.
"""
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti import KittiObjects, folder_of, read_label_file
from mmxkd.formats.kitti.calibration import read_calibration
from mmxkd.formats.kitti.depth_maps import write_depth
from mmxkd.formats.kitti.frame_info import (
    CATEGORIES,
    NoProjectionError,
    frame_info,
    label_of,
    metainfo_of,
)
from mmxkd.formats.kitti.infos import CAMERA
from mmxkd.formats.kitti.layout import frame_path, frames_with, require_folder
from mmxkd.formats.kitti.projection import project_depth
from mmxkd.formats.kitti.velodyne import read_scan
from mmxkd.io.atomic import remove_partial, write_text
from mmxkd.io.images import read_image
from mmxkd.io.journal import Journal
from mmxkd.io.parallel import parallel_map
from mmxkd.io.text import read_lines

from .left_out import LeftOut

JOURNAL = '.kitti_infos.progress'
UNLABELLED = 'testing'
NOT_SHOWN = 'the picture does not show its 3-D box: no cam_instance'


def info_file(out: Path, split: str) -> Path:
    """The info file of a split."""
    return out / f'kitti_infos_{split}.json'


@dataclass(frozen=True)
class _Frame:
    """What a worker has to do.

    Attributes:
        frame_id: Six digits.
        source: ``root/training`` or ``root/testing``.
        depth: The depth map to write, if one is wanted.
    """

    frame_id: str
    source: Path
    depth: Path | None

    @property
    def name(self) -> str:
        return f'{self.source.name}/{self.frame_id}'

    @property
    def kinds(self) -> tuple[str, ...]:
        return _kinds(self.source.name)

    def path(self, kind: str) -> Path:
        return frame_path(self.source, kind, self.frame_id)

    def files(self) -> list[Path]:
        """What the result depends on, and what belongs to it."""
        read = [self.path(kind) for kind in self.kinds]
        return read if self.depth is None else [*read, self.depth]


def convert(root: Path, splits: Mapping[str, Sequence[str]],
            out: Path | None = None, depth: bool = False, num_workers: int = 0,
            left_out: LeftOut | None = None) -> dict[str, dict[str, Any]]:
    """Check all frames of some splits and write their info files.

    Args:
        root (Path): Holds ``training/`` and ``testing/``.
        splits (Mapping): Frame ids of each split.
        out (Path, optional): Where to write; ``root`` by default.
        depth (bool): Also write ``depth_2/<id>.png``.
        num_workers (int): Processes; the result does not depend on it.
        left_out (LeftOut, optional): Gets what was left out, and why.

    Returns:
        dict[str, dict]: The content of the info file of every split.

    Raises:
        ConfigError: A folder is missing, or a frame is in train and in val.
        ExceptionGroup: Of one :class:`CorruptSampleError` for each file that
            cannot be used; no info file is written then.
    """
    root, out = Path(root), Path(out or root)
    _check_disjoint(splits)
    wanted = {(folder_of(split), frame_id) for split, ids in splits.items()
              for frame_id in ids}
    _check_present(root, wanted)
    frames = [
        _Frame(
            frame_id, root / folder,
            frame_path(out / folder, 'depth_2', frame_id) if depth else None)
        for folder, frame_id in sorted(wanted)
    ]
    journal = Journal(out / JOURNAL)
    _remove_torn(out)
    infos = _check_all(frames, journal, num_workers)
    contents = {}
    for split, ids in splits.items():
        entries = [infos[f'{folder_of(split)}/{i}'] for i in ids]
        contents[split] = {
            'metainfo': metainfo_of(split), 'data_list': entries
        }
        write_text(info_file(out, split), _format(contents[split]))
        if left_out is not None:
            _tell(left_out, split, entries)
    journal.remove()
    return contents


def _tell(left_out: LeftOut, split: str,
          infos: Sequence[Mapping[str, Any]]) -> None:
    """Count what has no box of the projected 3-D box; the rest is whole."""
    left_out.add(split, '', '', 0)
    for info in infos:
        labels = Counter(i['bbox_label'] for i in info['instances'])
        labels.subtract(i['bbox_label'] for i in info['cam_instances'][CAMERA])
        for label, count in labels.items():
            # DontCare regions are not objects.
            if label >= 0:
                left_out.add(split, CATEGORIES[label], NOT_SHOWN, count)


def _kinds(folder: str) -> tuple[str, ...]:
    kinds = ('image_2', 'calib', 'velodyne')
    return kinds if folder == UNLABELLED else (*kinds, 'label_2')


def _check_disjoint(splits: Mapping[str, Sequence[str]]) -> None:
    both = sorted(set(splits.get('train', ())) & set(splits.get('val', ())))
    if both:
        raise ConfigError(f'{len(both)} frames stand in train and in val: '
                          f'{", ".join(both[:5])}{", …" if both[5:] else ""}')


def _check_present(root: Path, wanted: set[tuple[str, str]]) -> None:
    """Find missing files before the first one is read."""
    problems = []
    for folder in sorted({folder for folder, _ in wanted}):
        ids = sorted(i for where, i in wanted if where == folder)
        for kind in _kinds(folder):
            require_folder(root, folder, kind)
            there = frames_with(root / folder, kind)
            problems += [
                CorruptSampleError(frame_path(root / folder, kind, frame_id),
                                   kind, 'no such file') for frame_id in ids
                if frame_id not in there
            ]
    _raise(problems)


def _remove_torn(out: Path) -> None:
    """Remove what was being written when a conversion was killed."""
    for folder in ('training', UNLABELLED):
        remove_partial(out / folder / 'depth_2')
    remove_partial(out)


def _check_all(frames: Sequence[_Frame], journal: Journal,
               num_workers: int) -> dict[str, Any]:
    infos = {
        frame.name: journal.get(frame.name, frame.files()) for frame in frames
    }
    pending = [frame for frame in frames if infos[frame.name] is None]
    if len(pending) < len(frames):
        print(f'{len(frames) - len(pending)} of {len(frames)} frames were '
              'done before')
    problems: list[CorruptSampleError] = []
    results = parallel_map(_check_frame, pending, num_workers, 'frames')
    for frame, (info, found) in zip(pending, results, strict=True):
        problems += found
        if info is not None:
            infos[frame.name] = journal.add(frame.name, frame.files(), info)
    _raise(problems)
    return infos


def _raise(problems: Sequence[CorruptSampleError]) -> None:
    if problems:
        raise ExceptionGroup('files that cannot be used', problems)


def _check_frame(
        frame: _Frame
) -> tuple[dict[str, Any] | None, list[CorruptSampleError]]:
    """The info of a frame, or all that is wrong with it."""
    readers: dict[str, Callable[[Path], Any]] = {
        'image_2': _read_size, 'calib': read_calibration,
        'velodyne': read_scan, 'label_2': _read_labels
    }
    found: dict[str, Any] = {'label_2': None}
    problems = []
    for kind in frame.kinds:
        try:
            found[kind] = readers[kind](frame.path(kind))
        except CorruptSampleError as error:
            problems.append(error)
    if problems:
        return None, problems
    width, height = found['image_2']
    try:
        info = frame_info(frame.frame_id, (width, height), found['calib'],
                          found['velodyne'], found['label_2'])
    except NoProjectionError as error:
        return None, [
            _label_error(frame.path('label_2'), error.index, str(error))
        ]
    if frame.depth is not None:
        try:
            write_depth(
                frame.depth,
                project_depth(found['velodyne'], found['calib'], height,
                              width))
        except ValueError as error:
            return None, [
                CorruptSampleError(frame.path('velodyne'), 'velodyne',
                                   str(error))
            ]
    return info, []


def _read_size(path: Path) -> tuple[int, int]:
    """Width and height of an image that was decoded completely."""
    image = read_image(path, 'image_2')
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise CorruptSampleError(
            path, 'image_2', 'expected 3 channels of uint8, found '
            f'{image.dtype} of the shape {image.shape}')
    return image.shape[1], image.shape[0]


def _read_labels(path: Path) -> KittiObjects:
    """Labels that make sense as objects in the world, too."""
    objects = read_label_file(path)
    real = np.array([label_of(name) >= 0 for name in objects.name], bool)
    for index, reason in _doubtful(objects):
        if real[index]:
            raise _label_error(path, index, f'{objects.name[index]}: {reason}')
    return objects


def _label_error(path: Path, index: int, reason: str) -> CorruptSampleError:
    """What is wrong with an object, with the line where it stands."""
    number, _ = read_lines(path, 'label')[index]
    return CorruptSampleError(path, 'label', f'line {number}: {reason}')


def _doubtful(objects: KittiObjects) -> Iterator[tuple[int, str]]:
    checks = ((objects.dimensions.min(axis=1, initial=np.inf)
               <= 0, 'expected a height, width and length above 0'),
              (~np.isin(objects.occluded, (0, 1, 2, 3)),
               'expected an occlusion of 0, 1, 2 or 3'),
              ((objects.truncated < 0) | (objects.truncated > 1),
               'expected a truncation between 0 and 1'))
    for wrong, reason in checks:
        for index in np.flatnonzero(wrong):
            yield int(index), reason


def _format(content: Mapping[str, Any]) -> str:
    """JSON with one line a frame."""
    metainfo, *frames = [
        json.dumps(part, sort_keys=True, allow_nan=False)
        for part in (content['metainfo'], *content['data_list'])
    ]
    return (f'{{"metainfo": {metainfo},\n"data_list": [\n' + ',\n'.join(frames)
            + '\n]}\n')
