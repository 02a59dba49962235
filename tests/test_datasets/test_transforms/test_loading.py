import cv2
import numpy as np
import pytest

from mmxkd.datasets.transforms import LoadGatedSlices, LoadImageFromFile
from mmxkd.errors import CorruptSampleError
from mmxkd.io.images import read_image

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
GREY10 = RNG.integers(0, 1024, (6, 9), dtype=np.uint16)
GREY16 = RNG.integers(0, 65536, (6, 9), dtype=np.uint16)
COLOUR = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)


def write(path, image):
    assert cv2.imwrite(str(path), image)
    return str(path)


def write_slices(folder, images):
    return [
        write(folder / f'{index}.png', image)
        for index, image in enumerate(images)
    ]


@pytest.mark.parametrize('image', [GREY8, GREY10, GREY16, COLOUR])
@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
def test_read_image_changes_nothing(tmp_path, image, suffix):
    read = read_image(write(tmp_path / f'a{suffix}', image), 'img')
    assert read.dtype == image.dtype
    np.testing.assert_array_equal(read, image)


def damage(content, how):
    if how == 'cut':
        return content[:len(content) // 2]
    if how == 'end':
        return content[:-4]
    if how == 'garbage':
        return b'x' * 300
    if how == 'bit':
        middle = bytearray(content)
        middle[len(content) // 2] ^= 1
        return bytes(middle)
    return b''


@pytest.mark.parametrize('how', ['cut', 'end', 'garbage', 'bit', 'empty'])
def test_damaged_png_is_refused(tmp_path, how):
    path = tmp_path / 'frame_00270.png'
    write(path, GREY10)
    path.write_bytes(damage(path.read_bytes(), how))
    with pytest.raises(CorruptSampleError, match='frame_00270.png') as error:
        read_image(str(path), 'gated')
    assert error.value.modality == 'gated'


def test_missing_file_is_named(tmp_path):
    with pytest.raises(CorruptSampleError, match='no_such.png.*No such file'):
        read_image(str(tmp_path / 'no_such.png'), 'img')


def test_image_loads_like_mmcv(tmp_path):
    path = write(tmp_path / 'a.png', COLOUR)
    results = LoadImageFromFile()(dict(img_path=path))
    np.testing.assert_array_equal(results['img'], COLOUR)
    assert results['img_shape'] == results['ori_shape'] == (6, 9)


@pytest.mark.parametrize('image, found', [
    (GREY8, '1 of uint8'),
    (GREY16, '1 of uint16'),
    (COLOUR.astype(np.uint16), '3 of uint16'),
    (np.dstack([COLOUR, GREY8]), '4 of uint8'),
])
def test_image_of_other_depth_or_channels_is_refused(tmp_path, image, found):
    path = write(tmp_path / 'a.png', image)
    with pytest.raises(CorruptSampleError, match=found):
        LoadImageFromFile()(dict(img_path=path))


@pytest.mark.parametrize('image', [GREY8, GREY10, GREY16])
def test_gated_keeps_order_and_depth(tmp_path, image):
    images = [image, image // 2, image // 3]
    results = LoadGatedSlices()(
        dict(gated_paths=write_slices(tmp_path, images)))
    assert results['gated'].dtype == image.dtype
    np.testing.assert_array_equal(results['gated'], np.dstack(images))


def test_gated_takes_grey_in_three_channels(tmp_path):
    paths = write_slices(tmp_path, [np.dstack([GREY8] * 3), GREY8])
    results = LoadGatedSlices()(dict(gated_paths=paths))
    np.testing.assert_array_equal(results['gated'], np.dstack([GREY8] * 2))


def test_gated_refuses_colour(tmp_path):
    paths = write_slices(tmp_path, [GREY8, COLOUR])
    with pytest.raises(CorruptSampleError, match='1.png.*3 channels'):
        LoadGatedSlices()(dict(gated_paths=paths))


@pytest.mark.parametrize('other, found', [
    (GREY8[:5], '9x5 uint8'),
    (GREY8.astype(np.uint16), '9x6 uint16'),
])
def test_gated_refuses_slices_that_differ(tmp_path, other, found):
    paths = write_slices(tmp_path, [GREY8, GREY8, other])
    with pytest.raises(CorruptSampleError, match='2.png') as error:
        LoadGatedSlices()(dict(gated_paths=paths))
    assert f'is {found}' in str(error.value)
    assert '9x6 uint8' in str(error.value)


def test_gated_refuses_a_size_that_is_not_the_images(tmp_path):
    paths = write_slices(tmp_path, [GREY8])
    results = dict(gated_paths=paths, img=np.zeros((12, 18, 3), np.uint8))
    with pytest.raises(CorruptSampleError, match='9x6 uint8, but img is 18x'):
        LoadGatedSlices()(results)


def test_gated_names_the_missing_slice(tmp_path):
    paths = write_slices(tmp_path, [GREY8]) + [str(tmp_path / 'lost.png')]
    with pytest.raises(CorruptSampleError, match='lost.png'):
        LoadGatedSlices()(dict(gated_paths=paths))
