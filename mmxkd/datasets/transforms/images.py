"""Reading an image exactly as it is stored, or saying why it cannot be."""

import mmcv
import mmengine.fileio as fileio
import numpy as np

from mmxkd.errors import CorruptSampleError


def read_image(path: str,
               modality: str,
               backend_args: dict | None = None) -> np.ndarray:
    """Read an image file without changing its bit depth or channels.

    What a decoder can notice is an error here: a missing, empty or cut-off
    file, a checksum of a PNG that does not hold. It cannot notice a flipped
    bit in the payload of a JPEG or of an uncompressed TIFF.

    Args:
        path (str): The file, in any format that OpenCV reads.
        modality (str): What the file holds, for the error message.
        backend_args (dict, optional): Of :func:`mmengine.fileio.get`.

    Returns:
        np.ndarray: (H, W) or (H, W, C), BGR order, in the dtype of the file.

    Raises:
        CorruptSampleError: The file is missing, empty or cannot be decoded.
    """
    try:
        content = fileio.get(path, backend_args=backend_args)
    except OSError as error:
        raise CorruptSampleError(
            path, modality, f'cannot be read ({error.strerror or error})'
        ) from error
    if not content:
        raise CorruptSampleError(path, modality, 'the file is empty')
    image = mmcv.imfrombytes(content, flag='unchanged', backend='cv2')
    if image is None:
        raise CorruptSampleError(
            path, modality,
            f'its {len(content)} bytes do not decode to an image')
    return image
