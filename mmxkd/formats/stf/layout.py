"""Folders, frame ids and conditions of the published data set."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmxkd.errors import (
    ConfigError,
    CorruptSampleError,
    check_name,
    did_you_mean,
)
from mmxkd.io.paths import checked_name
from mmxkd.io.text import read_json, read_lines

NUM_SLICES = 3
WEATHERS = ('dense_fog', 'light_fog', 'snow', 'rain', 'clear')
"""From the strongest to the weakest: a frame with several has the first."""
DAYTIMES = ('day', 'night')
UNKNOWN = 'unknown'
GATED_SOURCES = {'rect8': '.png', 'rect': '.tiff', 'raw': '.tiff'}
RGB_SOURCES = {'cam_stereo_left_lut': '.png', 'cam_stereo_left': '.tiff'}
LABEL_FOLDERS = {
    'gated': ('gated_labels_TMP', 'gated_labels_TMPv2'),
    'rgb': ('cam_left_labels_TMP', 'cam_left_labels_TMPv2'),
}


def normalise_id(text: str) -> str:
    """A frame id as file names have it; split files use a comma.

    Examples:
        >>> normalise_id('2018-02-03_20-48-35,00400')
        '2018-02-03_20-48-35_00400'
    """
    return text.strip().replace(',', '_')


def sequence_of(frame_id: str) -> str:
    """The capture sequence of a frame: its id without the counter.

    Examples:
        >>> sequence_of('2018-02-03_20-48-35_00400')
        '2018-02-03_20-48-35'
    """
    return frame_id.rsplit('_', 1)[0]


@dataclass(frozen=True)
class FrameFiles:
    """Where one frame lies, and in which conditions it was taken.

    Attributes:
        frame_id: With an underscore before the counter.
        rgb: The left image.
        gated: The slices, near to far.
        labels: The label file, or None where unlabelled frames are allowed.
        weather: One of :data:`WEATHERS`, or ``'unknown'``.
        daytime: ``'day'``, ``'night'`` or ``'unknown'``.
        rgb_calibration: Given where ``rgb`` is to be rectified.
        gated_calibration: Given where ``gated`` are to be rectified.
    """

    frame_id: str
    rgb: Path
    gated: tuple[Path, ...]
    labels: Path | None
    weather: str
    daytime: str
    rgb_calibration: Path | None = None
    gated_calibration: Path | None = None


class StfLayout:
    """The folders of a copy of Seeing Through Fog.

    Args:
        root (Path): Holds ``cam_stereo_left_lut``, ``gated0_rect8``, ….
        gated (str): ``'rect8'``, ``'rect'`` or ``'raw'``; ``'auto'`` takes
            the first of them that ``root`` has.
        label_frame (str): Labels to use, ``'gated'`` or ``'rgb'``.
        splits_dir (Path | None): Folder of the split files; ``root/splits``
            by default.

    Raises:
        ConfigError: ``root`` lacks the images of a camera.
    """

    def __init__(self, root: Path, gated: str = 'auto',
                 label_frame: str = 'gated',
                 splits_dir: Path | None = None) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise ConfigError(f'{root}: no such folder')
        self.splits_dir = Path(splits_dir or self.root / 'splits')
        sources = list(GATED_SOURCES) if gated == 'auto' else [gated]
        check_name('gated source', gated, ('auto', *GATED_SOURCES))
        self.gated_source = self._first_folder(
            {name: f'gated0_{name}' for name in sources}, 'gated')
        self.rgb_source = self._first_folder(
            {name: name for name in RGB_SOURCES}, 'RGB')
        labels = self.root / 'gt_labels'
        folders = [labels / name for name in LABEL_FOLDERS[label_frame]]
        self.labels_dir = next((f for f in folders if f.is_dir()), folders[0])
        self._from_splits: dict[str, tuple[str, str]] | None = None

    def _first_folder(self, folders: dict[str, str], what: str) -> str:
        for name, folder in folders.items():
            if (self.root / folder).is_dir():
                return name
        wanted = ' or '.join(folders.values())
        present = [p.name for p in self.root.iterdir() if p.is_dir()]
        raise ConfigError(
            f'{self.root}: no {what} images: expected {wanted} '
            f'({did_you_mean(next(iter(folders.values())), present)})')

    def _calibration(self, is_raw: bool, name: str) -> Path | None:
        return self.root / f'{name}.json' if is_raw else None

    def split_ids(self, name: str) -> list[str]:
        """Frame ids of an official split, or of any file of ids.

        Args:
            name (str): ``'train_clear_night'``, …, or a path with the suffix
                ``.txt``.

        Raises:
            ConfigError: There is no such split.
            CorruptSampleError: The list cannot be read, holds no id, or one
                that leads out of the folders; names file and line.
        """
        path = Path(name)
        if path.suffix != '.txt':
            path = self.splits_dir / f'{name}.txt'
        if not path.is_file():
            known = [p.stem for p in self.splits_dir.glob('*.txt')]
            raise ConfigError(
                f'{path}: no such split file: {did_you_mean(name, known)}')
        ids = _read_ids(path)
        if not ids:
            raise CorruptSampleError(path, 'split', 'holds no frame id')
        return ids

    def conditions(self, frame_id: str) -> tuple[str, str]:
        """Weather and daytime of a frame.

        They are read from ``labeltool_labels``; downloads without that folder
        tell them by the names of the official splits.
        """
        path = self.root / 'labeltool_labels' / f'{frame_id}.json'
        if path.is_file():
            return _read_conditions(path)
        if self._from_splits is None:
            self._from_splits = self._read_split_conditions()
        return self._from_splits.get(frame_id, (UNKNOWN, UNKNOWN))

    def _read_split_conditions(self) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for path in sorted(self.splits_dir.glob('*.txt')):
            # Whole words: there is `rain` in `train_clear_day`.
            words = f'_{path.stem}_'
            weather = next((w for w in WEATHERS if f'_{w}_' in words), None)
            daytime = next(
                (d for d in DAYTIMES if path.stem.endswith(f'_{d}')), None)
            # `rain` overlaps the others and does not tell day from night.
            if weather is None or daytime is None:
                continue
            for frame_id in _read_ids(path):
                found[frame_id] = weather, daytime
        return found

    def find(self, frame_ids: Iterable[str],
             allow_unlabelled: bool = False) -> list[FrameFiles]:
        """Locate frames.

        Args:
            frame_ids (Iterable[str]): Ids.
            allow_unlabelled (bool): Accept frames without a label file.

        Raises:
            CorruptSampleError: A frame lacks files; names them all. Or an id
                leads out of the folders.
        """
        frames = []
        calibrations = (self._calibration(self.rgb_source == 'cam_stereo_left',
                                          'calib_cam_stereo_left'),
                        self._calibration(self.gated_source == 'raw',
                                          'calib_gated_bwv'))
        for frame_id in frame_ids:
            checked_name(frame_id, self.root, 'frame id')
            rgb = (self.root / self.rgb_source
                   / f'{frame_id}{RGB_SOURCES[self.rgb_source]}')
            gated = tuple(self.root / f'gated{k}_{self.gated_source}'
                          / f'{frame_id}{GATED_SOURCES[self.gated_source]}'
                          for k in range(NUM_SLICES))
            label_file = self.labels_dir / f'{frame_id}.txt'
            unlabelled = allow_unlabelled and not label_file.is_file()
            labels = None if unlabelled else label_file
            needed = [rgb, *gated, labels, *calibrations]
            _require(frame_id, [path for path in needed if path])
            frames.append(
                FrameFiles(frame_id, rgb, gated, labels,
                           *self.conditions(frame_id), *calibrations))
        return frames


def _read_ids(path: Path) -> list[str]:
    return [
        checked_name(normalise_id(line), path, 'split', f'line {number}')
        for number, line in read_lines(path, 'split')
    ]


def _require(frame_id: str, paths: Sequence[Path]) -> None:
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise CorruptSampleError(frame_id, 'frame',
                                 'files not found: ' + ', '.join(missing))


def _read_conditions(path: Path) -> tuple[str, str]:
    meta = read_json(path, 'conditions')
    try:
        picked = []
        for key, names in (('weather', WEATHERS), ('daytime', DAYTIMES)):
            flags = meta.get(key, {})
            picked.append(next((n for n in names if flags.get(n)), UNKNOWN))
    except AttributeError as error:
        raise CorruptSampleError(path, 'conditions',
                                 f'cannot be read: {error}') from error
    return picked[0], picked[1]
