"""Folders, files and split lists of KITTI as published.

``training/`` and ``testing/`` hold one file a frame in each of ``image_2``,
``velodyne``, ``calib`` and, for training only, ``label_2``.
"""
import struct
from os import PathLike
from pathlib import Path

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean

from .splits import SPLITS, folder_of, official_ids, read_ids

SUFFIXES = {
    'image_2': '.png', 'calib': '.txt', 'velodyne': '.bin', 'label_2': '.txt',
    'depth_2': '.png'
}
"""Sub-folders and the suffix of their files; ``depth_2`` is ours."""
LISTS = 'ImageSets'
_PNG = b'\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR'


def frame_path(folder: str | PathLike, kind: str, frame_id: str) -> Path:
    """A file of a frame.

    Args:
        folder (str | PathLike): ``…/training`` or ``…/testing``.
        kind (str): A key of :data:`SUFFIXES`.
        frame_id (str): Six digits.
    """
    return Path(folder) / kind / f'{frame_id}{SUFFIXES[kind]}'


def frames_with(folder: str | PathLike, kind: str) -> set[str]:
    """Ids of the frames that have a file of a kind; none without the folder.

    Args:
        folder (str | PathLike): ``…/training`` or ``…/testing``.
        kind (str): A key of :data:`SUFFIXES`.
    """
    return ids_in(Path(folder) / kind, SUFFIXES[kind])


def ids_in(folder: str | PathLike, suffix: str) -> set[str]:
    """Names without ``suffix`` of the files in a folder, if there is one."""
    if not Path(folder).is_dir():
        return set()
    return {
        path.stem for path in Path(folder).iterdir() if path.suffix == suffix
    }


def split_ids(root: str | PathLike, split: str) -> list[str]:
    """The frames of a split, by the lists of a root or the official ones.

    A root with ``ImageSets/<split>.txt`` is divided as that file says, one id
    a line; ``trainval`` is otherwise the union of the lists of train and val.
    Without a list the official split is used, if all of its images are there.

    Args:
        root (str | PathLike): Holds ``training/`` and ``testing/``.
        split (str): ``'train'``, ``'val'``, ``'trainval'`` or ``'test'``.

    Raises:
        ConfigError: There is no such folder or split, or a part of the
            official frames only.
        CorruptSampleError: A list is empty, or holds something else than
            ids, or one twice.
    """
    root = Path(root)
    if not root.is_dir():
        raise ConfigError(f'{root}: no such folder')
    folder = folder_of(split)
    lists = root / LISTS
    if (lists / f'{split}.txt').is_file():
        return read_ids(lists / f'{split}.txt')
    parts = [lists / f'{part}.txt' for part in ('train', 'val')]
    if split == 'trainval' and all(path.is_file() for path in parts):
        return sorted({i for path in parts for i in read_ids(path)})
    ids = official_ids(split)
    there = frames_with(root / folder, 'image_2')
    missing = [frame_id for frame_id in ids if frame_id not in there]
    if missing:
        shown = ', '.join(missing[:3]) + (', …' if missing[3:] else '')
        raise ConfigError(
            f'{root / folder / "image_2"}: {len(missing)} of the {len(ids)} '
            f'images of the official split {split!r} are not there ({shown});'
            f' complete the download, or list the frames that you have in '
            f'{lists / f"{split}.txt"}, one id of six digits a line')
    return ids


def splits_of(root: str | PathLike) -> list[str]:
    """The splits that a root has lists of, or else the official ones.

    ``test`` is left out of the latter where there is no ``testing/``.

    Raises:
        ConfigError: There is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise ConfigError(f'{root}: no such folder')
    listed = [
        split for split in SPLITS if (root / LISTS / f'{split}.txt').is_file()
    ]
    if {'train', 'val'} <= set(listed) and 'trainval' not in listed:
        listed.insert(2, 'trainval')
    return listed or [
        split
        for split in SPLITS if split != 'test' or (root / 'testing').is_dir()
    ]


def require_folder(root: str | PathLike, folder: str, kind: str) -> Path:
    """A sub-folder that must be there.

    Raises:
        ConfigError: It is not; offers the nearest name.
    """
    path = Path(root) / folder / kind
    if not path.is_dir():
        parent = path.parent
        present = [p.name for p in parent.iterdir()
                   if p.is_dir()] if parent.is_dir() else []
        raise ConfigError(
            f'{path}: no such folder; {did_you_mean(kind, present)}')
    return path


def png_size(path: str | PathLike) -> tuple[int, int]:
    """Width and height of a PNG, from its first bytes.

    Raises:
        CorruptSampleError: The file is missing or no PNG.
    """
    try:
        with open(path, 'rb') as file:
            head = file.read(24)
    except OSError as error:
        raise CorruptSampleError(
            path, 'image', f'cannot be read ({error.strerror})') from error
    if len(head) != 24 or not head.startswith(_PNG):
        raise CorruptSampleError(path, 'image', 'is no PNG')
    width, height = struct.unpack('>II', head[16:])
    return width, height
