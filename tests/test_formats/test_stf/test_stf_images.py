import cv2
import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.stf.images import develop_bayer, load_rgb, load_slices
from mmxkd.io.images import encode_image


def _save(path, image):
    path.write_bytes(encode_image(image, path.suffix))
    return path


def _slices(tmp_path, dtype=np.uint8, top=256):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, top, (6, 8), dtype=dtype) for _ in range(3)]
    return images, [
        _save(tmp_path / f'{k}.png', image) for k, image in enumerate(images)
    ]


@pytest.mark.parametrize('dtype, top', [(np.uint8, 256), (np.uint16, 1024)])
def test_slices_come_as_stored(tmp_path, dtype, top):
    images, paths = _slices(tmp_path, dtype, top)
    for image, loaded in zip(images, load_slices(paths), strict=True):
        assert loaded.dtype == dtype and np.array_equal(image, loaded)


def test_grey_in_three_channels_is_grey(tmp_path):
    images, paths = _slices(tmp_path)
    _save(paths[1], cv2.merge([images[1]] * 3))
    assert np.array_equal(load_slices(paths)[1], images[1])


@pytest.mark.parametrize(
    'bad, message',
    [(np.zeros((6, 9), np.uint8), 'size 9x6 differs from 8x6 of .*0.png'),
     (np.zeros((6, 8), np.uint16), 'bit depth uint16 differs from uint8'),
     (np.arange(6 * 8 * 3, dtype=np.uint8).reshape(
         6, 8, 3), 'found a colour image')])
def test_slice_that_does_not_fit_is_named(tmp_path, bad, message):
    _, paths = _slices(tmp_path)
    _save(paths[2], bad)
    with pytest.raises(CorruptSampleError, match=message) as caught:
        load_slices(paths)
    assert str(paths[2]) in str(caught.value)


def test_what_has_no_bits_is_refused(tmp_path):
    _, paths = _slices(tmp_path)
    _, file = cv2.imencode('.tiff', np.zeros((6, 8), np.float32))
    paths[1].write_bytes(file.tobytes())
    with pytest.raises(CorruptSampleError,
                       match='1.png.*expected uint8 or uint16, found float32'):
        load_slices(paths)


def test_more_than_ten_bits_are_refused(tmp_path):
    images, paths = _slices(tmp_path, np.uint16, 1024)
    images[0][0, 0] = 4000
    _save(paths[0], images[0])
    with pytest.raises(CorruptSampleError, match='10-bit .* found 4000'):
        load_slices(paths)


def test_tone_mapped_rgb_is_read_as_bgr(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    assert np.array_equal(load_rgb(_save(tmp_path / 'a.png', image)), image)


def test_wrong_channel_count_is_refused(tmp_path):
    path = _save(tmp_path / 'a.png', np.zeros((4, 6), np.uint8))
    with pytest.raises(CorruptSampleError, match='expected 8-bit colour'):
        load_rgb(path)


def test_bayer_pattern_gives_the_right_colours():
    # OpenCV names a pattern by the second row: green at (1, 1), blue at
    # (1, 2), red at (0, 1).
    raw = np.full((40, 40), 100, np.uint16)
    raw[20:, 0::2] = 100
    raw[0:20:2, 1::2] = 4000  # the upper half is red
    raw[21::2, 0::2] = 4000  # the lower half is blue
    blue, green, red = np.moveaxis(develop_bayer(raw), 2, 0)
    assert red[4:16, 4:-4].mean() > 250 and blue[4:16, 4:-4].mean() < 5
    assert blue[24:-4, 4:-4].mean() > 250 and red[24:-4, 4:-4].mean() < 5
    assert green.max() == 0
