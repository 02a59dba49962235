"""Images as bytes: encoded without loss, read exactly as they are stored."""
import io
import os

import cv2
import numpy as np
import tifffile

from mmxkd.errors import CorruptSampleError

from .image_header import header_fault
from .text import read_bytes


def read_image(path: str | os.PathLike, modality: str,
               backend_args: dict | None = None) -> np.ndarray:
    """Read an image file without changing its bit depth or channels.

    What a decoder can notice is an error here: a missing, empty or cut-off
    file, a checksum of a PNG that does not hold. It cannot notice a flipped
    bit in the payload of a JPEG or of an uncompressed TIFF. A header that
    promises more than :data:`~.image_header.MAX_PIXELS`, or more than a PNG
    of this size can hold, is refused before memory is allocated for it.

    Args:
        path (str | os.PathLike): The file, in any format that OpenCV reads.
        modality (str): What the file holds, for the error message.
        backend_args (dict, optional): Of :func:`mmengine.fileio.get`, for
            files that are not on a local disk.

    Returns:
        np.ndarray: (H, W) or (H, W, C), BGR order, in the dtype of the file.
        A JPEG is upright, as its EXIF orientation says: mmcv and most
        programs that draw labels turn it, too.

    Raises:
        CorruptSampleError: The file is missing, empty or cannot be decoded.
    """
    content = _read_bytes(path, modality, backend_args)
    if not content:
        raise CorruptSampleError(path, modality,
                                 'cannot be decoded: the file is empty')
    fault = header_fault(content)
    if fault is not None:
        raise CorruptSampleError(
            path, modality, f'cannot be decoded: its {len(content)} bytes do '
            f'not decode to an image: {fault}')
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), _flags(content))
    except cv2.error as error:
        # OpenCV names its own source file, and not the picture.
        raise CorruptSampleError(
            path, modality,
            f'cannot be decoded: OpenCV refuses it: {error.err}') from error
    if image is None:
        raise CorruptSampleError(
            path, modality, f'cannot be decoded: its {len(content)} bytes do '
            'not decode to an image')
    return image


def _flags(content: bytes) -> int:
    # A JPEG has no transparency that the second could lose; the first would
    # leave it lying on its side.
    return (cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH if
            content.startswith(b'\xff\xd8') else cv2.IMREAD_UNCHANGED)


def _read_bytes(path: str | os.PathLike, modality: str,
                backend_args: dict | None) -> bytes:
    if backend_args is None and '://' not in str(path):
        return read_bytes(path, modality)
    # Only here: converters of local files need no mmengine.
    import mmengine.fileio as fileio
    try:
        return fileio.get(str(path), backend_args=backend_args)
    except OSError as error:
        raise CorruptSampleError(
            path, modality,
            f'cannot be read ({error.strerror or error})') from error


def encode_image(image: np.ndarray, suffix: str) -> bytes:
    """Bytes of an image file.

    Args:
        image (np.ndarray): (H, W) or (H, W, 3) BGR, uint8 or uint16.
        suffix (str): ``'.png'`` or ``'.tiff'`` (single channel).
    """
    if suffix == '.tiff':
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, image, photometric='minisblack',
                         metadata=None, software=None)
        return buffer.getvalue()
    # Level 1 is three times as fast as the default, at +10 % of size.
    done, data = cv2.imencode(suffix, image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ValueError(f'cannot encode an image as {suffix}')
    return data.tobytes()
