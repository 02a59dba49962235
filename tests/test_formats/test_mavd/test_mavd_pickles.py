"""Pickled arrays are read as numbers, and all else is refused."""
import os
import pickle
import random

import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.mavd.pickles import MAX_BYTES, read_pickled_array
from tests.helpers.payloads import touch


def spectrogram(dtype='f4', order='C'):
    rng = np.random.default_rng(0)
    return np.asarray(rng.uniform(-80, 0, (80, 173)), dtype, order)


def written(folder, content: bytes):
    path = folder / 'audio_0_1_2_3.pkl'
    path.write_bytes(content)
    return path


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('dtype', ['f4', 'f8', 'f2', '>f4', 'i2', 'u1'])
@pytest.mark.parametrize('order', ['C', 'F'])
def test_what_numpy_writes(tmp_path, protocol, dtype, order):
    array = spectrogram(dtype, order)
    found = read_pickled_array(written(tmp_path, pickle.dumps(array,
                                                              protocol)))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder('=')
    found += 1  # It is the reader's own.


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_both_names_of_numpys_core(tmp_path, protocol):
    """numpy 2 writes ``numpy._core``; numpy 1 ``numpy.core``."""
    array = spectrogram()
    content = pickle.dumps(array, protocol)
    here = b'numpy._core' if b'numpy._core' in content else b'numpy.core'
    other = b'numpy.core' if here == b'numpy._core' else b'numpy._core'
    if protocol == 2:
        content = content.replace(here, other)
    else:
        at = content.index(here) - 1
        grown = len(other) - len(here)
        content = (content[:at] + bytes([content[at] + grown])
                   + content[at + 1:].replace(here, other))
        frame = int.from_bytes(content[3:11], 'little') + grown
        content = content[:3] + frame.to_bytes(8, 'little') + content[11:]
    np.testing.assert_array_equal(
        read_pickled_array(written(tmp_path, content)), array)


def test_what_python_2_wrote(tmp_path):
    """Bytes as text, and flags as numbers; put together by its opcodes."""
    array = np.array([[1, -2, 3], [4, 5, 6]], '<f4')

    def text(value: bytes) -> bytes:
        return b'U' + bytes([len(value)]) + value

    content = (
        b'\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n'
        b'K\x00\x85' + text(b'b') + b'\x87R(K\x01K\x02K\x03\x86'
        b'cnumpy\ndtype\n' + text(b'f4') + b'K\x00K\x01\x87R(K\x03'
        + text(b'<') + b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89'
        + text(array.tobytes()) + b'tb.')
    unpickled = pickle.loads(content, encoding='latin1')  # noqa: S301
    np.testing.assert_array_equal(unpickled, array)
    np.testing.assert_array_equal(
        read_pickled_array(written(tmp_path, content)), array)


class Call:
    """Is pickled as a call of something with arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Plain:
    """Is pickled as an object with a state."""

    def __init__(self):
        self.state = 1


class Persistent(pickle.Pickler):

    def persistent_id(self, obj):
        return 'id' if isinstance(obj, np.ndarray) else None


def with_persistent_id(protocol):
    import io
    file = io.BytesIO()
    Persistent(file, protocol).dump(spectrogram())
    return file.getvalue()


RECONSTRUCT = (b'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n'
               b'K\x00\x85C\x01b\x87R')
F4 = (b'cnumpy\ndtype\nX\x02\x00\x00\x00f4\x89\x88\x87R(K\x03'
      b'X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb')


def with_shape(shape: bytes, data: bytes = b'C\x08' + bytes(8),
               dtype: bytes = F4) -> bytes:
    return (b'\x80\x03' + RECONSTRUCT + b'(K\x01' + shape + dtype + b'\x89'
            + data + b'tb.')


LONG = b'\x8a\x05\x00\x00\x00\x00\x04'  # 2**34
REFUSED = {
    'REDUCE': (lambda m: pickle.dumps(touch(m), 4), r"need 'posix.system'"),
    'REDUCE, protocol 0': (lambda m: pickle.dumps(touch(m), 0), 'posix'),
    'an array, then REDUCE': (
        lambda m: pickle.dumps((spectrogram(), touch(m)), 4), 'posix'),
    'INST': (lambda m: b'(S' + repr(f'touch {m}').encode()
             + b'\nios\nsystem\n.', 'opcode INST'),
    'OBJ': (lambda m: b'(cnumpy\nndarray\nK\x00o.', 'opcode OBJ'),
    'NEWOBJ': (lambda m: pickle.dumps(Plain(), 2), 'copyreg|Plain'),
    'BUILD of an object': (lambda m: pickle.dumps(Plain(), 4), 'Plain'),
    'BUILD with a dict': (lambda m: b'\x80\x03' + RECONSTRUCT + b'}b.',
                          'opcode EMPTY_DICT'),
    'BUILD of a number': (lambda m: b'\x80\x02K\x01)b.',
                          'state of what has none'),
    'BUILD twice': (lambda m: with_shape(b'K\x02\x85')[:-1]
                    + b'(K\x01K\x02\x85' + F4 + b'\x89C\x08' + bytes(8)
                    + b'tb.', 'state of what has none'),
    'EXT1': (lambda m: b'\x80\x02\x82\x01.', 'opcode EXT1|extension'),
    'EXT2': (lambda m: b'\x80\x02\x83\x01\x00.', 'opcode EXT2|extension'),
    'EXT4': (lambda m: b'\x80\x02\x84\x01\x00\x00\x00.',
             'opcode EXT4|extension'),
    'persistent id': (lambda m: with_persistent_id(2), 'opcode BINPERSID'),
    'persistent id, text': (lambda m: with_persistent_id(0),
                            'opcode PERSID'),
    'buffer out of band': (lambda m: b'\x80\x05\x97.', 'opcode NEXT_BUFFER'),
    'object array': (lambda m: pickle.dumps(
        np.array([touch(m)], object), 4), 'type .*expected numbers'),
    'record array': (lambda m: pickle.dumps(
        np.zeros(2, [('a', 'f4')]), 4), 'type .*expected numbers'),
    'text array': (lambda m: pickle.dumps(np.array(['a']), 4),
                   'type .*expected numbers'),
    'complex array': (lambda m: pickle.dumps(np.zeros(2, complex), 4),
                      'type .*expected numbers'),
    'a shape of 10 GB': (lambda m: with_shape(LONG + b'\x85'),
                         'has no shape|needs'),
    'a shape of 10 MB': (lambda m: with_shape(b'J\x00\x00\x28\x00\x85'),
                         'has 8 bytes, but its shape needs 10485760'),
    'huge and empty': (lambda m: with_shape(LONG + b'K\x00\x86', b'C\x00'),
                       'has no shape'),
    'a negative shape': (lambda m: with_shape(
        b'J\xff\xff\xff\xffJ\xfe\xff\xff\xff\x86'), 'has no shape'),
    'too few bytes': (lambda m: with_shape(b'K\x03\x85'), 'needs 12'),
    'a name instead of a type': (lambda m: with_shape(
        b'K\x02\x85', dtype=b'cnumpy\ndtype\n'), 'array of objects'),
    'a list': (lambda m: pickle.dumps([1.], 4), 'opcode EMPTY_LIST'),
    'a number': (lambda m: pickle.dumps(1, 4), 'does not hold one array'),
    'an array of none': (lambda m: b'\x80\x03' + RECONSTRUCT + b'.',
                         'no content'),
    'a subclass': (lambda m: pickle.dumps(np.ma.array([1.]), 4), 'numpy.ma'),
    'getattr': (lambda m: pickle.dumps(Call(getattr, 'a', 'upper'), 4),
                'builtins.getattr'),
    'eval': (lambda m: pickle.dumps(Call(eval, '1'), 4), 'builtins.eval'),
    'ndarray called': (lambda m: b'\x80\x02cnumpy\nndarray\nK\x02\x85R.',
                       "calls 'numpy.ndarray'"),
    'a number called': (lambda m: b'\x80\x02K\x01)R.', "calls ''"),
    'another encoding': (lambda m: b'\x80\x02c_codecs\nencode\n'
                         b'X\x01\x00\x00\x00bX\x03\x00\x00\x00hex\x86R.',
                         'another thing than bytes'),
    'two pickles': (lambda m: pickle.dumps(spectrogram(), 4) * 2,
                    'bytes follow its end'),
    'no stack': (lambda m: b'\x80\x02R.', 'stack is too short|exhausted'),
    'no mark': (lambda m: b'\x80\x02K\x01t.', 'no mark|MARK'),
    'no memo': (lambda m: b'\x80\x02h\x07.', 'not stored'),
    'without end': (lambda m: b'\x80\x02' + b'K\x01' * 600 + b'.',
                    'more than 500 opcodes'),
}  # yapf: disable


@pytest.mark.parametrize('name', REFUSED)
def test_a_pickle_that_does_more(tmp_path, name):
    marker = tmp_path / 'executed'
    write, reason = REFUSED[name]
    path = written(tmp_path, write(str(marker)))
    with pytest.raises(CorruptSampleError, match=reason) as caught:
        read_pickled_array(path)
    assert str(path) in str(caught.value)
    assert not marker.exists()


def test_the_payload_would_work(tmp_path):
    marker = tmp_path / 'executed'
    pickle.loads(REFUSED['REDUCE'][0](str(marker)))  # noqa: S301
    assert marker.exists()


def test_half_a_pickle_none_and_one_that_is_too_large(tmp_path):
    content = pickle.dumps(spectrogram(), 4)
    for half in (b'', content[:1], content[:len(content) // 2], content[:-1]):
        with pytest.raises(CorruptSampleError, match='is not a whole pickle'):
            read_pickled_array(written(tmp_path, half))
    with pytest.raises(CorruptSampleError, match='cannot be read'):
        read_pickled_array(tmp_path / 'none.pkl')
    large = tmp_path / 'large.pkl'
    large.touch()
    os.truncate(large, MAX_BYTES + 1)
    with pytest.raises(CorruptSampleError, match='more than the 16777216'):
        read_pickled_array(large)


def test_damage_is_an_error_with_the_file_or_another_number(tmp_path):
    """600 files with a wrong byte or two in what is not the numbers."""
    draw = random.Random(0)
    refused = 0
    for protocol in range(6):
        content = pickle.dumps(np.arange(4, dtype='f4'), protocol)
        for _ in range(100):
            damaged = bytearray(content)
            for _ in range(draw.randint(1, 2)):
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
            path = written(tmp_path, bytes(damaged))
            try:
                assert read_pickled_array(path).dtype.kind in 'fiu'
            except CorruptSampleError as error:
                assert str(path) in str(error)
                refused += 1
    assert refused > 300
