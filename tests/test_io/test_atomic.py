import errno
import os
import resource
import stat
import subprocess
import sys

import pytest
import torch

from mmxkd.io import atomic
from mmxkd.io.atomic import (
    PARTIAL,
    remove_partial,
    write_atomic,
    write_text,
)


def test_new_content_replaces_the_old(tmp_path):
    path = tmp_path / 'deep/file'
    write_atomic(str(path), lambda file: file.write(b'old'))
    write_atomic(str(path), lambda file: file.write(b'new'))
    assert path.read_bytes() == b'new'
    assert [p.name for p in path.parent.iterdir()] == ['file']


def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def fail(file):
        file.write(b'half')
        raise OSError('disk full')

    with pytest.raises(OSError, match='disk full'):
        write_atomic(str(path), fail)
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_an_error_and_keeps_the_old_file(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')
    code = ('import sys; from mmxkd.io.atomic import write_atomic\n'
            'write_atomic(sys.argv[1], lambda f: f.write(bytes(10000)))')
    done = subprocess.run(
        [sys.executable, '-c', code, str(path)], capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                              (1000, 1000)))
    assert done.returncode != 0
    assert path.read_bytes() == b'old'


def test_leftovers_of_killed_writers_are_removed(tmp_path):
    (tmp_path / ('a.pth' + PARTIAL)).write_bytes(b'half')
    (tmp_path / 'a.pth').write_bytes(b'whole')
    assert remove_partial(str(tmp_path)) == [str(tmp_path / 'a.pth.partial')]
    assert [p.name for p in tmp_path.iterdir()] == ['a.pth']


def test_write_creates_folders_and_leaves_no_temporary(tmp_path):
    path = tmp_path / 'a' / 'b.txt'
    write_text(path, 'now')
    assert path.read_text() == 'now'
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.txt'
    write_text(path, 'old')

    def broken(*_):
        raise OSError('disk full')

    monkeypatch.setattr(atomic.os, 'replace', broken)
    with pytest.raises(OSError, match='disk full'):
        write_text(path, 'new')
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_in_sub_folders_are_removed(tmp_path):
    (tmp_path / 'images').mkdir()
    left = tmp_path / 'images' / f'a.png.123{PARTIAL}'
    kept = tmp_path / 'images' / 'a.png'
    left.touch()
    kept.touch()
    assert remove_partial(tmp_path) == []
    assert remove_partial(tmp_path, recursive=True) == [str(left)]
    assert not left.exists() and kept.exists()


def to_a_full_disk(path):
    """Let the next write of ``path`` go to a device that is always full."""
    (path.parent
     / f'{path.name}.{os.getpid()}{PARTIAL}').symlink_to('/dev/full')


@pytest.mark.parametrize('size', [1, 100_000])
def test_full_disk_is_said_with_the_name_of_the_file(tmp_path, size):
    path = tmp_path / 'epoch_2.pth'
    path.write_bytes(b'old')
    to_a_full_disk(path)
    with pytest.raises(OSError, match='No space left .*/epoch_2.pth') as error:
        write_atomic(path, lambda file: file.write(bytes(size)))
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(path)
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


class FillsUp:
    """A disk with room for ``room`` bytes, and then for none of a write."""

    def __init__(self, path, room):
        self.file, self.room = open(path, 'wb', buffering=0), room

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.file.close()


@pytest.mark.parametrize('writer', ['torch', 'one that hides it'])
def test_a_writer_does_not_hide_the_full_disk(tmp_path, monkeypatch, writer):
    """``torch.save`` says "enforce fail" where the disk is full."""
    path = tmp_path / 'epoch_2.pth'
    monkeypatch.setattr(atomic, 'open', lambda path, mode: FillsUp(path, 3000),
                        raising=False)

    def write(file):
        if writer == 'torch':
            torch.save(dict(w=torch.zeros(10000), v=torch.zeros(3)), file)
            return
        try:
            file.write(bytes(4000))
        except OSError:
            file.write(b'end')

    with pytest.raises(OSError, match='No space left .*/epoch_2.pth'):
        write_atomic(path, write)
    assert list(tmp_path.iterdir()) == []


def test_the_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match='source.bin'):
        write_atomic(tmp_path / 'a', lambda _: open(tmp_path / 'source.bin'))
    assert list(tmp_path.iterdir()) == []


def fail_for_folders(monkeypatch, number):
    fsync = os.fsync

    def no_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, 'fsync', no_folders)


@pytest.mark.parametrize('number', [errno.EINVAL, errno.ENOTSUP])
def test_a_mount_whose_folders_cannot_be_synced(tmp_path, monkeypatch, number):
    fail_for_folders(monkeypatch, number)
    write_atomic(tmp_path / 'a', lambda file: file.write(b'now'))
    assert (tmp_path / 'a').read_bytes() == b'now'


def test_a_failing_disk_is_an_error_still(tmp_path, monkeypatch):
    fail_for_folders(monkeypatch, errno.EIO)
    with pytest.raises(OSError) as error:
        write_atomic(tmp_path / 'a', lambda file: file.write(b'now'))
    assert error.value.errno == errno.EIO


def test_a_file_that_cannot_be_synced_is_not_put_in_place(
        tmp_path, monkeypatch):
    (tmp_path / 'a').write_bytes(b'old')

    def refuse(descriptor):
        raise OSError(errno.EINVAL, 'Invalid argument')

    monkeypatch.setattr(os, 'fsync', refuse)
    with pytest.raises(OSError, match='Invalid argument.*/a'):
        write_atomic(tmp_path / 'a', lambda file: file.write(b'new'))
    assert (tmp_path / 'a').read_bytes() == b'old'
