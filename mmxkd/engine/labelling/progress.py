"""What a labelling has done so far, and what it belongs to."""
import glob
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmxkd.errors import ConfigError
from mmxkd.io.atomic import PARTIAL, remove_partial, write_json
from mmxkd.io.journal import Journal
from mmxkd.io.text import read_json

from .stage import Stage

SETTINGS = 'settings.json'


class Progress:
    """The folder beside the labels, as long as they are not complete.

    Args:
        out (Path): The file of labels; the folder is named after it.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out.with_name(out.name + '.progress')

    def claim(self, settings: Mapping[str, Any], overwrite: bool) -> bool:
        """Begin, or go on with what was begun.

        Args:
            settings (Mapping): What the labels depend on.
            overwrite (bool): Drop what has other settings.

        Returns:
            bool: Whether the labels are complete already.

        Raises:
            ConfigError: The labels or the progress belong to other
                settings; names what differs.
            CorruptSampleError: The file or the settings cannot be read.
        """
        if self.out.is_file() and not overwrite:
            content = read_json(self.out, 'labels')
            info = content.get('info') if isinstance(content, dict) else None
            found = info.get('settings') if isinstance(info, dict) else None
            self._compare(self.out, found, settings)
            self.remove()
            return True
        path = self.folder / SETTINGS
        # Without a journal, nothing is lost.
        if path.is_file() and self.journals():
            found = read_json(path, 'settings')
            if overwrite and found != settings:
                self.remove()
            else:
                self._compare(self.folder, found, settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_partial(self.folder)
        write_json(path, settings)
        return False

    @staticmethod
    def _compare(where: Path, found: Any, wanted: Mapping[str, Any]) -> None:
        if found == wanted:
            return
        if not isinstance(found, dict):
            raise ConfigError(
                f'{where}: was not written by tools/label.py; choose another '
                '--out, or replace it with --overwrite')
        lines = [
            f'{key}: {_short(before)} there, {_short(now)} now'
            for key, before, now in _differences(found, wanted)
        ]
        raise ConfigError(
            f'{where}: belongs to other settings ({"; ".join(lines)}); '
            'choose another --out, or start anew with --overwrite')

    def journals(self) -> list[Journal]:
        """Those of all processes, now and before."""
        return [
            Journal(path)
            for path in sorted(self.folder.glob('detections_*.jsonl'))
        ]

    def pending(self, job: str, stage: Stage) -> list[int]:
        """Numbers of the batches that no journal has a result of."""
        journals = self.journals()
        return [
            number for number, batch in enumerate(stage.batches())
            if _result(journals, job, number, files_of(batch)) is None
        ]

    def records(self, job: str, stage: Stage) -> Iterator[dict[str, Any]]:
        """What a teacher found in each frame, in their order.

        Raises:
            ConfigError: A batch is in no journal.
        """
        journals = self.journals()
        for number, batch in enumerate(stage.batches()):
            found = _result(journals, job, number, files_of(batch))
            if found is None:
                raise ConfigError(
                    f'{self.folder}: batch {job}/{number} is missing. Do all '
                    'machines write to this folder, and do the pictures stay '
                    'as they are?')
            yield from found

    def remove(self) -> None:
        """Forget everything."""
        for path in self.out.parent.glob(
                f'{glob.escape(self.out.name)}.*{PARTIAL}'):
            path.unlink()
        # Journals never stay without the settings that they belong to.
        for path in self.folder.glob('detections_*.jsonl'):
            path.unlink()
        if self.folder.is_dir():
            shutil.rmtree(self.folder)


def files_of(batch: list) -> list[Path]:
    """The files of all frames of a batch."""
    return [Path(path) for frame in batch for path in frame.files]


def _result(journals: list[Journal], job: str, number: int,
            files: list[Path]) -> Any | None:
    results = (j.get(f'{job}/{number}', files) for j in journals)
    return next((r for r in results if r is not None), None)


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any],
                 prefix: str = '') -> Iterator[tuple[str, Any, Any]]:
    """Key and both values of each entry that differs."""
    for key in sorted(found.keys() | wanted.keys()):
        before, now = found.get(key), wanted.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _differences(before, now, f'{prefix}{key}, ')
        elif before != now:
            yield prefix + key, before, now


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(
        value, sort_keys=True)
    return text if len(text) <= 70 else text[:70] + '…'
