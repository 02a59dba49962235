"""A folder that keeps what a model gave for each frame."""
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmxkd.errors import ConfigError
from mmxkd.io.array_file import DamagedFileError, open_arrays, write_arrays
from mmxkd.io.atomic import write_atomic
from mmxkd.io.text import read_text

HEAD = 'cache.json'
#: Part of every head; changes when older files cannot be read any more.
FORMAT = 1


class FrameStore:
    """One file per frame, under the same conditions for all of them.

    Any number of processes may use one folder: a file appears when it is
    whole, and who writes a frame twice writes the same.

    Args:
        folder (str | os.PathLike): Made when it is missing.
        conditions (dict[str, str]): What the content depends on, in words
            that an error may show. ``cache.json`` of the folder holds them.

    Raises:
        ConfigError: The folder was made under other conditions, or holds
            other files.
        OSError: It cannot be written.
    """

    def __init__(self, folder: str | os.PathLike,
                 conditions: Mapping[str, str]) -> None:
        self.folder = Path(folder)
        head = {'format': str(FORMAT), **conditions}
        path = self.folder / HEAD
        if not path.is_file():
            self._refuse_strangers()
            self._create(path, head)
        self._compare(path, head)

    def _refuse_strangers(self) -> None:
        """A folder with other content is not taken over."""
        if self.folder.is_dir():
            others = [
                p.name for p in self.folder.iterdir()
                if not p.name.startswith(HEAD)
            ]
            # Another process may have made the head, and files, by now.
            if others and not (self.folder / HEAD).is_file():
                raise ConfigError(
                    f'{self.folder}: expected an empty folder or a cache, but '
                    f'it holds {sorted(others)[0]!r} and no {HEAD}; name '
                    'another dir')

    def _create(self, path: Path, head: Mapping[str, str]) -> None:
        """Make the head, unless another process is faster."""
        text = json.dumps(head, indent=1, sort_keys=True) + '\n'
        own = path.with_name(f'{HEAD}.{os.getpid()}')
        write_atomic(own, lambda file: file.write(text.encode()))
        try:
            # Unlike a replacement, a link never changes what is there.
            os.link(own, path)
        except FileExistsError:
            pass
        finally:
            own.unlink()

    @staticmethod
    def _compare(path: Path, head: Mapping[str, str]) -> None:
        try:
            found = json.loads(read_text(path, 'cache'))
        except ValueError as error:
            raise ConfigError(
                f'{path}: cannot be read ({error}); remove the folder '
                f'{path.parent}') from error
        found = found if isinstance(found, dict) else {}
        for key, value in head.items():
            if found.get(key) != value:
                raise ConfigError(
                    f'{path.parent}: this cache was made with {key}='
                    f'{found.get(key)!r}, now it is {value!r}; remove the '
                    'folder to fill it anew, or name another dir')

    def path(self, name: str) -> Path:
        """The file of a frame."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        return self.folder / digest[:2] / f'{digest}.npz'

    def read(self, name: str) -> tuple[list, dict[str, Any]] | None:
        """What is kept of a frame.

        Args:
            name (str): Of the frame.

        Returns:
            tuple | None: ``arrays`` and ``note`` of :meth:`write`; None where
            the frame was not written.

        Raises:
            DamagedFileError: The file does not hold what was written.
        """
        path = self.path(name)
        try:
            with open_arrays(path) as file:
                note = file.note
                if note['name'] != name:
                    raise DamagedFileError(path, f'is of {note["name"]!r}')
                return [file[f't{i}'] for i in range(note['arrays'])], note
        except FileNotFoundError:
            return None

    def write(self, name: str, arrays: list, note: dict[str, Any]) -> None:
        """Keep a frame.

        Args:
            name (str): Of the frame.
            arrays (list[np.ndarray]): Its arrays, in order.
            note (dict): JSON that says what they are.

        Raises:
            OSError: E.g. for a full disk; it names the file.
        """
        write_arrays(self.path(name),
                     {f't{i}': array for i, array in enumerate(arrays)},
                     {**note, 'name': name, 'arrays': len(arrays)})

    def free(self) -> int:
        """Bytes that the disk has room for."""
        return shutil.disk_usage(self.folder).free

    def frames(self) -> int:
        """Number of frames that are kept."""
        return sum(1 for _ in self.folder.glob('??/*.npz'))
