import resource
import subprocess
import sys

import pytest

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
