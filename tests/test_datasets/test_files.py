import cv2
import numpy as np
import pytest

from mmxkd.datasets import files
from mmxkd.errors import CorruptSampleError


def _square(value):
    return value * value


def _fail_at_three(value):
    if value == 3:
        raise CorruptSampleError('x.png', 'gated', 'bad')
    return value


def test_write_creates_folders_and_leaves_no_temporary(tmp_path):
    path = tmp_path / 'a' / 'b.txt'
    files.write_text(path, 'now')
    assert path.read_text() == 'now'
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.txt'
    files.write_text(path, 'old')

    def broken(*_):
        raise OSError('disk full')

    monkeypatch.setattr(files.os, 'replace', broken)
    with pytest.raises(OSError, match='disk full'):
        files.write_text(path, 'new')
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_a_killed_writer_are_removed(tmp_path):
    (tmp_path / 'images').mkdir()
    left = tmp_path / 'images' / '.a.png.123.tmp'
    kept = tmp_path / 'images' / 'a.png'
    left.touch()
    kept.touch()
    files.remove_temporary(tmp_path)
    assert not left.exists() and kept.exists()


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_images_keep_every_bit(tmp_path, suffix, dtype):
    image = np.random.default_rng(0).integers(
        0, np.iinfo(dtype).max + 1, (7, 9), dtype=dtype)
    path = tmp_path / f'a{suffix}'
    path.write_bytes(files.encode_image(image, suffix))
    read = files.read_image(path, 'gated')
    assert read.dtype == dtype and np.array_equal(read, image)


def test_tiff_bytes_do_not_tell_the_time():
    image = np.zeros((2, 2), np.uint16)
    assert files.encode_image(image, '.tiff') == files.encode_image(
        image, '.tiff')


@pytest.mark.parametrize('content, message', [
    (None, 'no such file'), (b'', 'cannot be decoded'),
    (b'not an image', 'cannot be decoded')])
def test_unreadable_image_is_named(tmp_path, content, message):
    path = tmp_path / 'a.png'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorruptSampleError, match=message) as caught:
        files.read_image(path, 'gated')
    assert str(path) in str(caught.value)


def test_half_a_png_is_refused(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    path = tmp_path / 'a.png'
    data = cv2.imencode('.png', image)[1].tobytes()
    path.write_bytes(data[:len(data) // 2])
    with pytest.raises(CorruptSampleError, match='cannot be decoded'):
        files.read_image(path, 'gated')


@pytest.mark.parametrize('num_workers', [0, 2])
def test_map_keeps_the_order(num_workers):
    results = files.parallel_map(_square, range(20), num_workers, 'test')
    assert list(results) == [v * v for v in range(20)]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_map_passes_the_error_on(num_workers):
    with pytest.raises(CorruptSampleError, match=r'gated: x.png: bad'):
        list(files.parallel_map(_fail_at_three, range(9), num_workers, 't'))
