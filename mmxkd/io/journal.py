"""What was done already: one line a frame, appended as frames are finished.

A process can be killed at any moment. What it leaves is whole lines and at
most one torn one, which is not read.
"""
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmxkd.errors import ConfigError
from mmxkd.version import __version__


class Journal:
    """Results by name, each valid as long as its files are as they were.

    Args:
        path (Path): The file; read if it is there.

    Raises:
        ConfigError: A line other than the last cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, dict[str, Any]] = {}
        if not path.is_file():
            return
        data = path.read_bytes()
        whole = data.rfind(b'\n') + 1
        if whole < len(data):
            os.truncate(path, whole)
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            try:
                entry = json.loads(line)
                self._entries[entry['name']] = {
                    key: entry[key] for key in ('name', 'state', 'result')
                }
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ConfigError(
                    f'{path}: line {number} cannot be read; remove the file '
                    'to start anew') from error

    def get(self, name: str, files: Sequence[Path]) -> Any | None:
        """The result of a name; None if there is none for these files."""
        entry = self._entries.get(name)
        if entry is None or entry['state'] != _state(files):
            return None
        return entry['result']

    def add(self, name: str, files: Sequence[Path], result: Any) -> Any:
        """Append a result, which has to be JSON; returns it as it is read.

        Raises:
            OSError: E.g. for a full disk; it names the file.
        """
        entry = {'name': name, 'state': _state(files), 'result': result}
        line = json.dumps(entry, allow_nan=False) + '\n'
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # One write of a whole line, handed to the system at once.
        try:
            with open(self.path, 'a', encoding='utf-8') as file:
                file.write(line)
        except OSError as error:
            # A full disk is noticed by a write, which knows of no name.
            raise OSError(error.errno, error.strerror,
                          str(self.path)) from error
        self._entries[name] = entry
        return json.loads(line)['result']

    def remove(self) -> None:
        """Forget everything, in memory and on disk."""
        self._entries.clear()
        self.path.unlink(missing_ok=True)


def _state(files: Sequence[Path]) -> dict[str, Any]:
    """Changes when a file does, or the program that reads it."""
    state: dict[str, Any] = {'version': __version__}
    for path in files:
        # A file that is gone makes the result invalid, not the program fail.
        stat = path.stat() if path.is_file() else None
        state[str(path)] = stat and [stat.st_size, stat.st_mtime_ns]
    return state
