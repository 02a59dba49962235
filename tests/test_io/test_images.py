import struct

import cv2
import mmcv
import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.io.image_header import image_size
from mmxkd.io.images import encode_image, read_image


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_images_keep_every_bit(tmp_path, suffix, dtype):
    image = np.random.default_rng(0).integers(0,
                                              np.iinfo(dtype).max + 1, (7, 9),
                                              dtype=dtype)
    path = tmp_path / f'a{suffix}'
    path.write_bytes(encode_image(image, suffix))
    read = read_image(path, 'gated')
    assert read.dtype == dtype and np.array_equal(read, image)


def test_tiff_bytes_do_not_tell_the_time():
    image = np.zeros((2, 2), np.uint16)
    assert encode_image(image, '.tiff') == encode_image(image, '.tiff')


@pytest.mark.parametrize('content, message',
                         [(None, 'No such file'), (b'', 'the file is empty'),
                          (b'not an image', 'cannot be decoded')])
def test_unreadable_image_is_named(tmp_path, content, message):
    path = tmp_path / 'a.png'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorruptSampleError, match=message) as caught:
        read_image(path, 'gated')
    assert str(path) in str(caught.value)


def test_half_a_png_is_refused(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    path = tmp_path / 'a.png'
    data = cv2.imencode('.png', image)[1].tobytes()
    path.write_bytes(data[:len(data) // 2])
    with pytest.raises(CorruptSampleError, match='cannot be decoded'):
        read_image(path, 'gated')


def turned(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF orientation, as cameras and phones write it."""
    tag = struct.pack('>HHIHH', 0x0112, 3, 1, orientation, 0)
    exif = (b'Exif\0\0MM\0*' + struct.pack('>IH', 8, 1) + tag
            + struct.pack('>I', 0))
    return (jpeg[:2] + b'\xff\xe1' + struct.pack('>H',
                                                 len(exif) + 2) + exif
            + jpeg[2:])


@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
@pytest.mark.parametrize('shape', [(16, 32, 3), (16, 32)])
def test_a_jpeg_is_upright_as_for_mmcv(tmp_path, orientation, shape):
    image = np.zeros(shape, np.uint8)
    image[:8, :8] = 255
    path = tmp_path / 'a.jpg'
    path.write_bytes(
        turned(cv2.imencode('.jpg', image)[1].tobytes(), orientation))
    found = read_image(path, 'img')
    expected = mmcv.imread(path, 'color' if len(shape) == 3 else 'grayscale')
    assert found.shape == expected.shape and (found == expected).all()
    assert image_size(path.read_bytes()) == found.shape[1::-1]
    corner = {1: (0, 0), 3: (-1, -1), 6: (0, -1), 8: (-1, 0)}[orientation]
    assert found[corner].min() > 200
