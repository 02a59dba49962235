"""Folders, lists of splits and classes of PASCAL VOC."""
from os import PathLike
from pathlib import Path

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean
from mmxkd.io.paths import checked_name
from mmxkd.io.text import read_lines

CLASSES = ('aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car',
           'cat', 'chair', 'cow', 'diningtable', 'dog', 'horse', 'motorbike',
           'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')
"""VOC's twenty classes, in the order of its papers."""
LISTS = Path('ImageSets', 'Main')
_SHOWN = 3


class VocLayout:
    """One year of VOC, or another folder of the same form.

    ``ImageSets/Main/<split>.txt`` lists ids, one per line;
    ``JPEGImages/<id>.jpg`` and ``Annotations/<id>.xml`` belong to an id.

    Args:
        root (str | PathLike): E.g. ``data/VOCdevkit/VOC2007``.

    Raises:
        ConfigError: There is no such folder.
    """

    def __init__(self, root: str | PathLike) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise ConfigError(f'{root}: no such folder; expected one with '
                              'JPEGImages, Annotations and ImageSets')

    def picture(self, name: str) -> Path:
        """The picture of an id."""
        return self.root / 'JPEGImages' / f'{name}.jpg'

    def annotation(self, name: str) -> Path:
        """The annotation of an id."""
        return self.root / 'Annotations' / f'{name}.xml'

    def list_of(self, split: str) -> Path:
        """The list of a split."""
        return self.root / LISTS / f'{split}.txt'

    def splits(self) -> list[str]:
        """Splits that there is a list of; not those of a single class."""
        return sorted(path.stem for path in (self.root / LISTS).glob('*.txt')
                      if '_' not in path.stem)

    def ids(self, split: str) -> list[str]:
        """The ids of a split, in the order of its list.

        Raises:
            ConfigError: There is no such list; offers the nearest.
            CorruptSampleError: The list has no id, one twice, or a line that
                is not one; or a picture or an annotation is missing.
        """
        path = self.list_of(split)
        if not path.is_file():
            raise ConfigError(f'{path}: no such list; '
                              + did_you_mean(split, self.splits()))
        seen: dict[str, int] = {}
        for number, line in read_lines(path, 'split', 'an id'):
            where = f'line {number}'
            if len(line.split()) > 1:
                raise CorruptSampleError(
                    path, 'split', f'{where}: expected an id alone, found '
                    f'{line!r}; is it the list of one class?')
            name = checked_name(line, path, 'split', where)
            if name in seen:
                raise CorruptSampleError(
                    path, 'split',
                    f'{where}: {name} is listed in line {seen[name]} already')
            seen[name] = number
        if not seen:
            raise CorruptSampleError(path, 'split', 'holds no id')
        self._check_files(path, seen)
        return list(seen)

    def _check_files(self, path: Path, seen: dict[str, int]) -> None:
        for what, file_of in (('picture', self.picture), ('annotation',
                                                          self.annotation)):
            folder = file_of('x').parent
            if not folder.is_dir():
                raise ConfigError(f'{folder}: no such folder')
            # One look at the folder, not one per id.
            there = {file.name for file in folder.iterdir()}
            lacking = [
                f'{name} (line {number})' for name, number in seen.items()
                if file_of(name).name not in there
            ]
            if lacking:
                shown = ', '.join(
                    lacking[:_SHOWN]) + (', …' if lacking[_SHOWN:] else '')
                first = file_of(lacking[0].partition(' (line')[0])
                raise CorruptSampleError(
                    path, 'split', f'{len(lacking)} of its {len(seen)} ids '
                    f'have no {what} in {folder}: {shown}'
                    + _other_ending(first, there))


def _other_ending(file: Path, there: set[str]) -> str:
    """What a folder has in place of a file; empty where nothing."""
    # An id that is a whole name already, such as 000001.jpg.
    wanted = {file.stem, Path(file.stem).stem}
    other = sorted(name for name in there if Path(name).stem in wanted)
    return (f'; there is {other[0]}, expected {file.stem}{file.suffix}: ids '
            f'are written without an ending, and files end in {file.suffix}' if
            other else '')
