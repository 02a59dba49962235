import builtins
import errno
import json
from pathlib import Path

import pytest

from mmxkd.engine.labelling import labeller
from mmxkd.engine.labelling.detect import numbers_of, ranges
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.io.journal import Journal
from tests.helpers.blobs import DATA, write_frames


class Stopped(Exception):
    """What a test stops a run with."""


def stop_after(monkeypatch, batches):
    """Let a run end after some batches; returns the names of all done."""
    done, add = [], Journal.add

    def stopping_add(self, name, *args):
        if len(done) == batches:
            raise Stopped
        done.append(name)
        return add(self, name, *args)

    monkeypatch.setattr(Journal, 'add', stopping_add)
    return done


def test_a_run_goes_on_where_it_was(place, monkeypatch):
    """No batch is done twice, and the file is the same to the byte."""
    whole = place.root / 'whole.json'
    place.run(out=whole)
    teacher = place.teacher()
    with monkeypatch.context() as patch:
        first = stop_after(patch, 2)
        with pytest.raises(Stopped):
            place.run(teacher)
    assert not place.out.exists()
    with monkeypatch.context() as patch:
        second = stop_after(patch, 99)
        place.run(teacher)
    assert first == ['data/0/0', 'data/0/1']
    assert second == ['data/0/2', 'val/0/0', 'val/0/1']
    assert place.out.read_text() == whole.read_text().replace(
        'teacher_0', 'teacher_1')


def test_a_picture_that_changed_is_looked_at_again(place, monkeypatch):
    teacher = place.teacher()
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stopped):
            place.run(teacher)
    write_frames(place.root / 'new', 'data', DATA[2:3])
    (place.root / 'new/data_10.png').replace(place.root / 'data_12.png')
    with monkeypatch.context() as patch:
        done = stop_after(patch, 99)
        place.run(teacher)
    assert done[:2] == ['data/0/1', 'data/0/2']


def stopped(place, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stopped):
            place.run()


def finished(place, monkeypatch):
    place.run()


def other_teacher(place):
    return dict(teacher=place.teacher(gain=.9))


def other_options(place):
    return dict(teacher=place.teacher(shift=1.))


def other_threshold(place):
    return dict(score_thr=['0.5'])


def other_data(place):
    write_frames(place.root, 'data', DATA[:4])
    return {}


def other_validation(place):
    write_frames(place.root, 'val', DATA)
    return {}


@pytest.mark.parametrize('before', [stopped, finished])
@pytest.mark.parametrize('change, message', [
    (other_teacher, 'checkpoint of teacher 1: .* there, .* now'),
    (other_options, 'data, models and pipelines: .* there, .* now'),
    (other_threshold, r'threshold: best F1 there, \["0.5"\] now'),
    (other_data, 'data, frames: .* there, .* now'),
    (other_validation, 'validation data, frames: .* there, .* now'),
])
def test_of_other_settings(place, monkeypatch, before, change, message):
    """Refused with what differs, and replaced when this is asked for."""
    before(place, monkeypatch)
    old = place.out.read_text() if place.out.exists() else None
    request = change(place)
    teacher = [request.pop('teacher')] if 'teacher' in request else []
    with pytest.raises(ConfigError, match=message) as error:
        place.run(*teacher, **request)
    # Nothing else differs.
    assert 'version' not in str(error.value)
    assert 'class map' not in str(error.value)
    assert old is None or place.out.read_text() == old
    content = place.run(*teacher, overwrite=True, **request)
    if before is stopped:
        # What was left of the other run is in no label.
        fresh = place.run(*teacher, out=place.root / 'fresh.json', **request)
        assert content['annotations'] == fresh['annotations']
    assert content['info']['settings']['version']


def test_complete_labels_stay_as_they_are(place, capsys):
    teacher = place.teacher()
    place.run(teacher)
    before = place.out.stat().st_mtime_ns
    place.run(teacher)
    assert 'is complete already' in capsys.readouterr().out
    assert place.out.stat().st_mtime_ns == before


def test_without_a_journal_nothing_is_lost(place):
    """A run that failed before its first batch binds nobody."""
    write_frames(place.root, 'data', DATA[:1], labelled=False)
    (place.root / 'data_10.png').write_bytes(b'')
    with pytest.raises(CorruptSampleError, match='data_10.png'):
        place.run()
    write_frames(place.root, 'data', DATA, labelled=False)
    assert len(place.run()['images']) == len(DATA)


def test_a_file_of_somebody_else_is_not_replaced(place):
    place.out.write_text('{"images": []}')
    with pytest.raises(ConfigError, match='not written by tools/label.py'):
        place.run()
    assert place.out.read_text() == '{"images": []}'


def test_a_file_that_was_cut_off(place):
    teacher = place.teacher()
    place.run(teacher)
    place.out.write_bytes(place.out.read_bytes()[:-300])
    with pytest.raises(CorruptSampleError, match='pseudo.json.*not JSON'):
        place.run(teacher)


def test_a_damaged_journal(place, monkeypatch):
    stopped(place, monkeypatch)
    journal = place.progress / 'detections_0.jsonl'
    journal.write_bytes(b'x' + journal.read_bytes())
    with pytest.raises(ConfigError, match='detections_0.jsonl: line 1'):
        place.run()


@pytest.mark.parametrize('name', ['detections_0.jsonl', 'pseudo.json'])
def test_a_full_disk(place, monkeypatch, name):
    """The error names the file; with room again, the run goes on."""
    teacher, stock = place.teacher(), builtins.open

    class Full:
        """A file that takes nothing."""

        def __init__(self, file):
            self._file = file

        def write(self, data):
            raise OSError(errno.ENOSPC, 'No space left on device')

        def __getattr__(self, key):
            return getattr(self._file, key)

        def __enter__(self):
            return self

        def __exit__(self, *args):
            self._file.close()

    def full_open(file, mode='r', *args, **kwargs):
        opened = stock(file, mode, *args, **kwargs)
        writes = set(mode) & set('wa')
        full = writes and Path(str(file)).name.startswith(name)
        return Full(opened) if full else opened

    with monkeypatch.context() as patch:
        patch.setattr(builtins, 'open', full_open)
        with pytest.raises(OSError, match='No space left') as error:
            place.run(teacher)
    assert error.value.filename.endswith(name)
    assert not place.out.exists()
    assert not list(place.root.glob('*.partial'))
    assert len(place.run(teacher)['annotations']) == 4


def test_a_batch_that_no_machine_wrote(place, monkeypatch):
    """E.g. where each machine has a disk of its own."""
    monkeypatch.setattr(labeller, 'run', lambda *args: None)
    with pytest.raises(ConfigError, match='batch val/0/0 is missing'):
        place.run()


@pytest.mark.parametrize('numbers', [[], [0], [3, 4], [0, 2, 4, 5, 6, 9]])
def test_numbers_in_short(numbers):
    assert numbers_of(ranges(numbers)) == numbers


def test_the_progress_is_readable(place, monkeypatch):
    stopped(place, monkeypatch)
    settings = json.loads((place.progress / 'settings.json').read_text())
    assert settings['threshold'] == 'best F1'
    lines = (place.progress / 'detections_0.jsonl').read_text().splitlines()
    assert [json.loads(line)['name']
            for line in lines] == ['data/0/0', 'data/0/1']
