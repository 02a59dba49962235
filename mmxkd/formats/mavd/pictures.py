"""What the headers of a frame's pictures say."""
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.io.image_header import image_size
from mmxkd.io.text import read_bytes

PUBLISHED_WIDTH = 1920
PUBLISHED_COLUMNS = (200, 1720)
"""The published loader takes these columns of a picture: the frame."""
# A JPEG has its size behind its notes, of which one has 64 kB at most.
_HEAD = 2**17
_PNG = b'\x89PNG'


@dataclass(frozen=True)
class PictureFacts:
    """Of one picture.

    Attributes:
        width: Pixels.
        height: Pixels.
        bits: Of a value.
    """

    width: int
    height: int
    bits: int


def picture_facts(path: str | PathLike, modality: str) -> PictureFacts:
    """Read the header of a PNG or JPEG, whatever its name ends in.

    Raises:
        CorruptSampleError: It is missing, empty, or has no header that can
            be read.
    """
    try:
        with open(path, 'rb') as file:
            content = file.read(_HEAD)
    except OSError as error:
        raise CorruptSampleError(
            path, modality,
            f'cannot be read ({error.strerror or error})') from error
    if not content:
        raise CorruptSampleError(path, modality, 'the file is empty')
    size = image_size(content)
    if size is None and len(content) == _HEAD:
        size = image_size(read_bytes(path, modality))
    if size is None or min(size) < 1:
        raise CorruptSampleError(path, modality,
                                 'is not a picture: its header is damaged')
    # OpenCV reads no JPEG of more than 8 bits.
    bits = content[24] if content.startswith(_PNG) and len(content) > 24 else 8
    return PictureFacts(*size, bits)


def frame_columns(width: int, wanted: str | tuple[int, int],
                  path: str | PathLike) -> tuple[int, int]:
    """The columns of a picture that are the frame of boxes and models.

    Args:
        width (int): Of the picture.
        wanted: ``'published'``: :data:`PUBLISHED_COLUMNS` of a picture that
            has the published width, and all of any other; ``'all'``; or the
            first column and the one behind the last.
        path (str | PathLike): The picture, for the error message.

    Raises:
        ConfigError: The picture does not have these columns.

    Examples:
        >>> frame_columns(1920, 'published', 'a.jpg')
        (200, 1720)
        >>> frame_columns(480, 'published', 'a.jpg')
        (0, 480)
    """
    if wanted == 'published':
        return PUBLISHED_COLUMNS if width == PUBLISHED_WIDTH else (0, width)
    if wanted == 'all':
        return 0, width
    first, end = (int(column) for column in wanted)
    if not 0 <= first < end <= width:
        raise ConfigError(f'{Path(path)}: has {width} columns, expected the '
                          f'columns {first} to {end}')
    return first, end
