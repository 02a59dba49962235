import os

import pytest

from mmxkd.errors import ConfigError
from mmxkd.io import journal as module
from mmxkd.io.journal import Journal


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / 'a.bin', tmp_path / 'b.txt']
    for path in paths:
        path.write_text('content')
    return paths


@pytest.fixture
def path(tmp_path, files):
    path = tmp_path / 'out/journal'
    journal = Journal(path)
    for name in ('one', 'two'):
        journal.add(name, files, {'number': 0.1, 'pair': (1, 2)})
    return path


def test_results_are_read_as_they_were_returned(path, files):
    written = Journal(path).add('three', files, {'pair': (1, 2)})
    assert written == {'pair': [1, 2]}
    journal = Journal(path)
    assert journal.get('three', files) == written
    assert journal.get('one', files) == {'number': 0.1, 'pair': [1, 2]}
    assert journal.get('four', files) is None


def test_results_are_valid_for_the_same_files(path, files):
    assert Journal(path).get('one', files[:1]) is None
    status = files[1].stat()
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert Journal(path).get('one', files) is None
    files[0].unlink()
    assert Journal(path).get('one', files) is None


def test_results_of_another_version_are_not_used(path, files, monkeypatch):
    monkeypatch.setattr(module, '__version__', 'next')
    assert Journal(path).get('one', files) is None


@pytest.mark.parametrize('kept', range(1, 40, 6))
def test_torn_line_is_dropped_and_written_again(path, files, kept):
    whole = path.read_bytes()
    first = whole.index(b'\n') + 1
    path.write_bytes(whole[:first + kept])
    journal = Journal(path)
    assert journal.get('one', files) and journal.get('two', files) is None
    journal.add('two', files, {'number': 0.1, 'pair': (1, 2)})
    assert path.read_bytes() == whole


def test_line_within_that_cannot_be_read(path):
    path.write_text('{}}\n' + path.read_text())
    with pytest.raises(ConfigError, match='journal: line 1 cannot be read'):
        Journal(path)


def test_removed(path, files):
    journal = Journal(path)
    journal.remove()
    assert journal.get('one', files) is None and not path.exists()


@pytest.mark.parametrize('line',
                         ['[1]', '{"name": "one"}', '[' * 99_999, '3', '\xff'])
def test_lines_of_another_kind(path, line):
    path.write_bytes(line.encode('latin-1') + b'\n' + path.read_bytes())
    with pytest.raises(ConfigError, match='journal: line 1 cannot be read'):
        Journal(path)


def test_full_disk_is_said_with_the_file(tmp_path, files):
    (tmp_path / 'journal').symlink_to('/dev/full')
    with pytest.raises(OSError, match='No space left .*/journal'):
        Journal(tmp_path / 'journal').add('one', files, {})
