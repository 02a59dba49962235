import resource
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.io.image_header import (
    MAX_PIXELS,
    header_fault,
    image_size,
    stored_size,
)
from mmxkd.io.images import encode_image, read_image

IMAGE = np.random.default_rng(0).integers(0, 256, (21, 34, 3), np.uint8)


def encoded(suffix):
    if suffix == '.tiff':
        return encode_image(IMAGE[..., 0], '.tiff')
    return cv2.imencode(suffix, IMAGE)[1].tobytes()


@pytest.mark.parametrize('suffix',
                         ['.png', '.jpg', '.bmp', '.tif', '.tiff', '.ppm'])
def test_sizes_are_those_of_the_decoder(tmp_path, suffix):
    content = encoded(suffix)
    assert image_size(content) == (34, 21)
    assert header_fault(content) is None
    path = tmp_path / 'a'
    path.write_bytes(content)
    assert stored_size(path) == (None if suffix in ('.jpg', '.tif',
                                                    '.tiff') else (34, 21))


@pytest.mark.parametrize('content', [
    b'', b'\x89PNG\r\n\x1a\n', b'BM', b'\xff\xd8\xff', b'II*\0',
    b'II*\0\xff\xff\xff\xff', b'P6', b'RIFF'
])
def test_heads_that_are_cut_off_have_no_size(content):
    assert image_size(content) is None


def png(width, height, bits=8, colour=2):
    """A valid header, and a body of a few bytes."""

    def chunk(name, data):
        body = name + data
        return struct.pack('>I', len(data)) + body + struct.pack(
            '>I', zlib.crc32(body))

    head = struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head)
            + chunk(b'IDAT', zlib.compress(bytes(99))) + chunk(b'IEND', b''))


def bmp(width, height):
    return (b'BM' + struct.pack('<IHHI', 54, 0, 0, 54) + struct.pack(
        '<IiiHHIIiiII', 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0))


def tiff(width, height):
    content = bytearray(encoded('.tiff'))
    for tag, value in ((256, width), (257, height)):
        place = content.index(struct.pack('<H', tag))
        content[place:place + 12] = struct.pack('<HHII', tag, 4, 1, value)
    return bytes(content)


HUGE = {
    'png': png(60_000, 60_000),
    'png, one line': png(2**31 - 1, 1),
    'png that its bytes cannot hold': png(9_000, 9_000),
    'bmp': bmp(60_000, -60_000),
    'tiff': tiff(60_000, 60_000),
    'ppm': b'P6 60000 60000 255\n',
}


@pytest.mark.parametrize('kind', HUGE)
def test_a_header_that_promises_too_much(tmp_path, kind):
    path = tmp_path / 'a.png'
    path.write_bytes(HUGE[kind])
    with pytest.raises(CorruptSampleError, match='its header says') as caught:
        read_image(path, 'img')
    assert str(path) in str(caught.value)


def test_the_largest_picture_is_decoded(tmp_path):
    side = int(MAX_PIXELS**.5)
    image = np.zeros((side // 8, side * 8), np.uint8)
    (tmp_path / 'a.png').write_bytes(encode_image(image, '.png'))
    assert read_image(tmp_path / 'a.png', 'img').shape == image.shape


def test_no_bit_of_a_png_header_allocates(tmp_path):
    """OpenCV allocates 2 GB where a length has its highest bit set."""
    (tmp_path / 'a.png').write_bytes(encode_image(IMAGE, '.png'))
    code = '''
import resource, sys
from mmxkd.errors import CorruptSampleError
from mmxkd.io.images import read_image
whole, refused = open(sys.argv[1], 'rb').read(), 0
read_image(sys.argv[1], 'img')
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for bit in range(8 * 41):
    broken = bytearray(whole)
    broken[bit // 8] ^= 1 << bit % 8
    open(sys.argv[1], 'wb').write(broken)
    try:
        read_image(sys.argv[1], 'img')
    except CorruptSampleError as error:
        assert sys.argv[1] in str(error)
        refused += 1
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(refused, (after - before) // 1024)
'''
    done = subprocess.run(
        [sys.executable, '-c', code,
         str(tmp_path / 'a.png')], capture_output=True, text=True, check=True)
    refused, megabytes = map(int, done.stdout.split())
    assert refused == 8 * 41
    assert megabytes < 50


@pytest.mark.parametrize('suffix', ['.tiff', '.bmp', '.tif', '.jpg', '.ppm'])
def test_no_bit_of_a_header_ends_in_a_raw_error(tmp_path, suffix):
    """Right, another picture, or refused with the file; never cv2.error."""
    whole, path = encoded(suffix), tmp_path / f'a{suffix}'
    places = [*range(60), *range(len(whole) - 160, len(whole))]
    refused = 0
    for place in places:
        for bit in range(8):
            broken = bytearray(whole)
            broken[place] ^= 1 << bit
            path.write_bytes(broken)
            try:
                read_image(path, 'img')
            except CorruptSampleError as error:
                assert str(path) in str(error)
                refused += 1
    assert refused > 20


def test_memory_is_limited_before_it_is_taken(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(HUGE['png'])
    code = ('import sys; from mmxkd.io.images import read_image\n'
            'read_image(sys.argv[1], "img")')
    done = subprocess.run(
        [sys.executable, '-c', code, str(path)], capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS,
                                              (2**33, 2**33)))
    assert 'CorruptSampleError' in done.stderr.splitlines()[-1]
    assert '60000x60000 pixels' in done.stderr.splitlines()[-1]
