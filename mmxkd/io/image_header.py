"""What the first bytes of an image promise, before anything is allocated.

A header of thirty bytes may promise a picture of 60000 x 60000 pixels, and a
decoder allocates what the header says.
"""
import re
import struct
from os import PathLike

#: Pixels of the largest picture that is decoded, e.g. 16384 x 8192.
MAX_PIXELS = 2**27
# Deflate packs at most 1032 bytes into one.
_DEFLATE = 1032
_PNG = b'\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR'
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNM = re.compile(rb'P[1-6]\s+(\d+)\s+(\d+)\s')
_TIFF = {b'II*\0': '<', b'MM\0*': '>'}
_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274
# Orientations of EXIF that swap width and height.
_ON_ITS_SIDE = (5, 6, 7, 8)
_HEAD = 32
_LENGTH = struct.Struct('>I')


def image_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG, TIFF, BMP or PNM.

    Args:
        content (bytes): The file; of a PNG, BMP or PNM its first 32 bytes do.

    Returns:
        tuple[int, int] | None: As :func:`.images.read_image` gives it, so of
        a JPEG that its EXIF orientation has turned upright. None where the
        header cannot be read, or is that of another format.
    """
    if content.startswith(_PNG) and len(content) >= 24:
        width, height = struct.unpack_from('>II', content, 16)
        return width, height
    if content.startswith(b'BM') and len(content) >= 26:
        width, height = struct.unpack_from('<ii', content, 18)
        # A negative height: the first row is the upper one.
        return abs(width), abs(height)
    if content.startswith(b'\xff\xd8\xff'):
        return _jpeg_size(content)
    if content[:4] in _TIFF:
        return _tiff_size(content)
    found = _PNM.match(content[:100])
    return (int(found[1]), int(found[2])) if found else None


def stored_size(path: str | PathLike) -> tuple[int, int] | None:
    """As :func:`image_size`, from the first 32 bytes of a local file.

    None for JPEG and TIFF, which may hold their size anywhere.

    Raises:
        OSError: The file is missing or cannot be read.
    """
    with open(path, 'rb', buffering=0) as file:
        head = file.read(_HEAD)
    if head.startswith(b'\xff\xd8') or head[:4] in _TIFF:
        return None
    return image_size(head)


def header_fault(content: bytes) -> str | None:
    """Why a picture must not be decoded: it promises more than there is."""
    size = image_size(content)
    if size is None:
        # OpenCV allocates what a damaged length says.
        return ('its header is damaged' if content.startswith(_PNG[:8]) else
                None)
    width, height = size
    if width * height > MAX_PIXELS:
        return (f'its header says {width}x{height} pixels, more than the '
                f'{MAX_PIXELS} that are read; is the file damaged?')
    if content.startswith(_PNG) and len(content) > 26:
        bits = content[24] * _PNG_CHANNELS.get(content[25], 4)
        raw = height * (1 + width * bits // 8)
        if raw > _DEFLATE * len(content):
            return (f'its header says {width}x{height} pixels, which its '
                    f'{len(content)} bytes cannot hold')
        return _png_chunk_fault(content)
    return None


def _png_chunk_fault(content: bytes) -> str | None:
    """OpenCV allocates what the length of a chunk says: up to 2 GB."""
    position, end = 8, len(content)
    while position + 8 <= end:
        length, = _LENGTH.unpack_from(content, position)
        if position + 12 + length > end:
            return (f'a chunk of {length} bytes begins at byte {position}, '
                    f'but the file has {end}; it is cut off or damaged')
        position += 12 + length
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Of the frame header (SOF), which follows any number of segments."""
    position, lies = 2, False
    while position + 9 <= len(content) and content[position] == 0xff:
        marker = content[position + 1]
        if marker == 0xff:  # a fill byte
            position += 1
            continue
        if 0xc0 <= marker <= 0xcf and marker not in (0xc4, 0xc8, 0xcc):
            height, width = struct.unpack_from('>HH', content, position + 5)
            return (height, width) if lies else (width, height)
        if marker == 0xda:  # the image itself
            return None
        length = struct.unpack_from('>H', content, position + 2)[0]
        end = position + 2 + max(length, 2)
        if content[position + 4:position + 10] == b'Exif\0\0':
            tags = _tiff_tags(content[position + 10:end])
            lies = tags.get(_ORIENTATION) in _ON_ITS_SIDE
        position = end
    return None


def _tiff_size(content: bytes) -> tuple[int, int] | None:
    tags = _tiff_tags(content)
    if _WIDTH not in tags or _HEIGHT not in tags:
        return None
    return tags[_WIDTH], tags[_HEIGHT]


def _tiff_tags(content: bytes) -> dict[int, int]:
    """The first value of each tag of the first directory.

    Empty where it is cut off: OpenCV says so.
    """
    found: dict[int, int] = {}
    order = _TIFF.get(content[:4])
    if order is None:
        return found
    try:
        start = struct.unpack_from(f'{order}I', content, 4)[0]
        count = struct.unpack_from(f'{order}H', content, start)[0]
        for number in range(count):
            entry = start + 2 + 12 * number
            tag, kind = struct.unpack_from(f'{order}HH', content, entry)
            found[tag] = struct.unpack_from(
                order + ('H' if kind == 3 else 'I'), content, entry + 8)[0]
    except struct.error:
        return {}
    return found
