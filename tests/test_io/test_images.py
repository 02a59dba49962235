import cv2
import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
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
