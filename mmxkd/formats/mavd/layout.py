"""Folders, file names, time stamps and split files of MAVD.

As published, and as the synthetic drives are written::

    ROOT/
        train_all.txt  val_all.txt  test_all.txt     lines DRIVE/STAMP
        truth.json                                   synthetic drives alone
        DRIVE/                                       drive_day_2020_04_21_…
            fl_rgb/fl_rgb_STAMP.jpg                  colour, 8 bit
            fl_ir_aligned/fl_ir_aligned_STAMP.jpg    thermal, 16 bit, one
                                                     channel, in the frame of
                                                     the colour picture
            fl_rgb_depth/fl_rgb_STAMP.jpg            depth in JET colours; the
                                                     prefix is fl_rgb here too
            audio/audio_K_STAMP.mp3                  microphone K, 0 to 7,
                                                     mono; or .wav, .flac; or
                                                     .pkl, its spectrogram

Pictures may also end in ``.png`` (a JPEG cannot hold 16 bits). All files of a
frame have the stamp of its colour picture; all pictures of it have one size.
The converter adds::

        DRIVE/sound/STAMP.npz                        all microphones
        annotations/{train,val,test}.json            what belongs to a frame

``STAMP`` is ``SECONDS_NANOSECONDS_CODE``. ``DRIVE`` says whether it is by day
or by night: it has the word ``day`` or ``night`` between underscores.

``truth.json`` holds the boxes that the synthetic drives know, in pixels of
the colour picture: COCO, with ``frame_id`` (``DRIVE/STAMP``) in each image and
``instance_id`` in each annotation. Training never reads it.

Source: the method's sheet, section 2.1, and its additions, A.5.
"""
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean
from mmxkd.io.paths import checked_name
from mmxkd.io.text import read_lines

MICROPHONES = 8
SPLITS = ('train', 'val', 'test')
TRUTH_FILE = 'truth.json'
CAMERAS = {
    'rgb': ('fl_rgb', 'fl_rgb'),
    'thermal': ('fl_ir_aligned', 'fl_ir_aligned'),
    'depth': ('fl_rgb_depth', 'fl_rgb'),
}
"""Folder and file prefix of each camera."""
PICTURE_SUFFIXES = ('.jpg', '.png')
SOUND_SUFFIXES = ('.mp3', '.wav', '.flac')
PICKLE_SUFFIX = '.pkl'
LIGHTINGS = ('day', 'night')
UNKNOWN = 'unknown'
# Digits of nanoseconds; a stamp with fewer is not to be trusted.
_NANOSECOND_DIGITS = 9
_STAMP = re.compile(r'([0-9]+)_([0-9]+)_([^_]+)')


@dataclass(frozen=True)
class FrameId:
    """One line of a split file.

    Attributes:
        drive: Its folder.
        stamp: ``SECONDS_NANOSECONDS_CODE``.
    """

    drive: str
    stamp: str

    def __str__(self) -> str:
        return f'{self.drive}/{self.stamp}'

    @property
    def time(self) -> int:
        """Nanoseconds.

        There are stamps whose nanoseconds have ten digits: they are added to
        the seconds, not written behind them.

        Examples:
            >>> FrameId('drive_day_1', '1570729614_4316866600_0').time
            1570729618316866600
        """
        seconds, nanoseconds, _ = self.stamp.split('_')
        return int(seconds) * 10**9 + int(nanoseconds)

    @property
    def is_short(self) -> bool:
        """Whether its nanoseconds have fewer than nine digits.

        The published loader leaves these frames out.

        Examples:
            >>> FrameId('drive_day_1', '1570729614_43168666_0').is_short
            True
        """
        return len(self.stamp.split('_')[1]) < _NANOSECOND_DIGITS

    @property
    def lighting(self) -> str:
        """``'day'``, ``'night'`` or ``'unknown'``, by the name of the drive.

        Examples:
            >>> FrameId('drive_day_2020_04_21_15_58_22', '1_2_3').lighting
            'day'
        """
        return lighting_of(self.drive)


def lighting_of(drive: str) -> str:
    """Day or night, by the words of a drive's name.

    Examples:
        >>> lighting_of('drive_night_2020_04_21'), lighting_of('sunday_drive')
        ('night', 'unknown')
    """
    words = drive.lower().split('_')
    found = [word for word in LIGHTINGS if word in words]
    return found[0] if len(found) == 1 else UNKNOWN


def parse_id(text: str, path: str | PathLike, where: str = '') -> FrameId:
    """The frame that a line of a split file names.

    Args:
        text (str): ``DRIVE/STAMP``.
        path (str | PathLike): The file, for the error message.
        where (str): The line, likewise.

    Raises:
        CorruptSampleError: It is not such a line, or leads out of the
            folders.

    Examples:
        >>> parse_id('drive_day_1/1587478702_123456789_0', 'val_all.txt').drive
        'drive_day_1'
    """
    parts = text.split('/')
    if len(parts) != 2 or not _STAMP.fullmatch(parts[1]):
        prefix = f'{where}: ' if where else ''
        raise CorruptSampleError(
            path, 'split', f'{prefix}expected DRIVE/SECONDS_NANOSECONDS_CODE, '
            f'found {text!r:.80}')
    for part in parts:
        checked_name(part, path, 'split', where)
    return FrameId(*parts)


def frame_time_key(frame: FrameId) -> tuple[int, str]:
    """Sorts frames by time; those of one time by their id, as published."""
    return frame.time, str(frame)


def split_file(split: str, lighting: str | None = None,
               drive_type: str | None = 'all') -> str:
    """Name of a split file.

    Examples:
        >>> split_file('train'), split_file('val', 'night')
        ('train_all.txt', 'val_night_all.txt')
    """
    words = [word for word in (split, lighting, drive_type) if word]
    return '_'.join(words) + '.txt'


def index_name(split: str, lighting: str | None = None,
               drive_type: str | None = 'all') -> str:
    """Name of the index of a split file: that of a part is another one.

    Examples:
        >>> index_name('train'), index_name('train', 'night')
        ('train', 'train_night')
        >>> index_name('val', 'day', 'static')
        'val_day_static'
    """
    name = split_file(split, lighting, drive_type).removesuffix('.txt')
    return name.removesuffix('_all')


def read_split(path: str | PathLike) -> list[FrameId]:
    """Frames of a split file in the order of the file, each once.

    Frames with short stamps are among them: see :attr:`FrameId.is_short`.

    Raises:
        ConfigError: There is no such file; names those that there are.
        CorruptSampleError: It cannot be read, names no frame, or a line is
            not an id; names file and line.
    """
    path = Path(path)
    if not path.is_file():
        known = [p.name for p in path.parent.glob('*.txt')]
        raise ConfigError(f'{path}: no such split file: '
                          f'{did_you_mean(path.name, known)}')
    frames = [
        parse_id(line, path, f'line {number}')
        for number, line in read_lines(path, 'split', 'DRIVE/STAMP')
    ]
    if not frames:
        raise CorruptSampleError(path, 'split', 'names no frame')
    return list(dict.fromkeys(frames))


def picture_path(camera: str, frame: FrameId, suffix: str = '.jpg') -> str:
    """Path of a picture relative to the root.

    Args:
        camera (str): One of :data:`CAMERAS`.
        frame (FrameId): The frame.
        suffix (str): One of :data:`PICTURE_SUFFIXES`.

    Examples:
        >>> picture_path('depth', FrameId('drive_day_1', '1_2_3'))
        'drive_day_1/fl_rgb_depth/fl_rgb_1_2_3.jpg'
    """
    folder, prefix = CAMERAS[camera]
    return f'{frame.drive}/{folder}/{prefix}_{frame.stamp}{suffix}'


def audio_path(frame: FrameId, microphone: int, suffix: str = '.mp3') -> str:
    """Path of what a microphone recorded, relative to the root.

    Examples:
        >>> audio_path(FrameId('drive_day_1', '1_2_3'), 7)
        'drive_day_1/audio/audio_7_1_2_3.mp3'
    """
    return f'{frame.drive}/audio/audio_{microphone}_{frame.stamp}{suffix}'


def sound_path(frame: FrameId) -> str:
    """Path of what the converter makes of them, relative to the root."""
    return f'{frame.drive}/sound/{frame.stamp}.npz'
