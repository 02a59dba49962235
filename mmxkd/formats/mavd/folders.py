"""Which files of MAVD there are."""
from collections.abc import Iterable
from pathlib import Path

from .layout import (
    PICKLE_SUFFIX,
    PICTURE_SUFFIXES,
    SOUND_SUFFIXES,
    FrameId,
    audio_path,
    picture_path,
)

SUFFIXES = {'sound': SOUND_SUFFIXES, 'pickles': (PICKLE_SUFFIX, )}
"""Of the files of a microphone, by where sound is read from."""


class Folders:
    """Which files there are: each folder is listed once.

    Args:
        root (Path): Of the published folders.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[str, frozenset[str]] = {}

    def __contains__(self, path: str) -> bool:
        folder, _, name = path.rpartition('/')
        if folder not in self._names:
            where = self.root / folder
            self._names[folder] = frozenset(
                p.name
                for p in where.iterdir()) if where.is_dir() else frozenset()
        return name in self._names[folder]

    def first(self, paths: Iterable[str]) -> str | None:
        """The first of some paths that is there."""
        return next((path for path in paths if path in self), None)

    def picture(self, camera: str, frame: FrameId) -> str | None:
        """The picture of a camera."""
        return self.first(
            picture_path(camera, frame, suffix) for suffix in PICTURE_SUFFIXES)

    def sound(self, source: str, frame: FrameId,
              microphone: int) -> str | None:
        """What a microphone recorded."""
        return self.first(
            audio_path(frame, microphone, suffix)
            for suffix in SUFFIXES[source])
