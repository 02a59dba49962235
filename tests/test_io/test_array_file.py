"""Arrays in a file that is whole, or known to be damaged."""
import errno
import os

import numpy as np
import pytest

from mmxkd.io.array_file import DamagedFileError, open_arrays, write_arrays

NOTE = dict(name='frame', size=[2, 3])


def arrays():
    draw = np.random.default_rng(0)
    return dict(
        t0=draw.normal(size=(2, 3)).astype(np.float16), t1=np.arange(4),
        t2=np.zeros((0, 4), np.float32), t3=np.float32(2.5).reshape(()),
        t4=np.array([True, False]),
        t5=np.asfortranarray(draw.normal(size=(3, 2)).astype(np.float32)))


def read(path):
    with open_arrays(path) as file:
        return {name: file[name] for name in arrays()}, file.note


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'new/frame.npz'
    write_arrays(path, arrays(), NOTE)
    return path


def test_what_was_written_is_read(path):
    found, note = read(path)
    assert note == NOTE
    for name, value in arrays().items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_numpy_opens_it_and_equal_content_is_equal_bytes(path):
    with np.load(path, allow_pickle=False) as file:
        np.testing.assert_array_equal(file['t0'], arrays()['t0'])
    other = path.with_name('other.npz')
    write_arrays(other, arrays(), NOTE)
    assert other.read_bytes() == path.read_bytes()
    assert sorted(
        p.name for p in path.parent.iterdir()) == ['frame.npz', 'other.npz']


def test_no_damaged_byte_is_read_as_something_else(path):
    """One of two bytes changed in turn: refused, or no value stands there.
    """
    data, expected, refused = path.read_bytes(), read(path), 0
    for i in range(0, len(data), 2):
        path.write_bytes(data[:i] + bytes([data[i] ^ 0x55]) + data[i + 1:])
        try:
            found = read(path)
        except DamagedFileError as error:
            assert str(path) in str(error)
            refused += 1
            continue
        assert found[1] == expected[1]
        for name, value in expected[0].items():
            np.testing.assert_array_equal(found[0][name], value)
    assert refused > len(data) / 4


def test_no_file_that_is_cut_off_is_read(path):
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(DamagedFileError, match='frame.npz: damaged'):
            read(path)


def test_other_archives_are_refused(path):
    np.savez_compressed(path, t0=np.zeros(3))
    with pytest.raises(DamagedFileError, match=r'note.json'):
        read(path)
    path.write_text('text')
    with pytest.raises(DamagedFileError, match='not a zip file'):
        read(path)


def test_a_missing_file_is_not_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / 'none.npz')


def test_a_full_disk_leaves_nothing(tmp_path):
    path = tmp_path / 'frame.npz'
    partial = tmp_path / f'frame.npz.{os.getpid()}.partial'
    partial.symlink_to('/dev/full')
    with pytest.raises(OSError) as error:
        write_arrays(path, dict(t0=np.zeros(10**6)), NOTE)
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(path)
    assert not list(tmp_path.iterdir())
