"""A folder of frames, for several processes, under one set of conditions."""
import multiprocessing

import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.io.array_file import DamagedFileError
from mmxkd.recording.frame_store import FrameStore

CONDITIONS = dict(weights='abc', dtype='float32')


def test_frames_come_back(tmp_path):
    store = FrameStore(tmp_path / 'a', CONDITIONS)
    assert store.read('one') is None
    store.write('one', [np.arange(3), np.ones((2, 2))], dict(seen=[1]))
    arrays, note = FrameStore(tmp_path / 'a', CONDITIONS).read('one')
    assert arrays[0].tolist() == [0, 1, 2] and arrays[1].shape == (2, 2)
    assert note['seen'] == [1] and store.frames() == 1


@pytest.mark.parametrize('changed, message', [
    (dict(weights='xyz'), "made with weights='abc', now it is 'xyz'"),
    (dict(dtype='float16'), "made with dtype='float32', now it is 'float16'"),
    (dict(reads='neck'), 'made with reads=None'),
])
def test_other_conditions_are_refused(tmp_path, changed, message):
    FrameStore(tmp_path, CONDITIONS)
    with pytest.raises(ConfigError, match=message):
        FrameStore(tmp_path, CONDITIONS | changed)


def test_other_folders_are_not_taken_over(tmp_path):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(ConfigError, match="'thesis.tex' and no cache.json"):
        FrameStore(tmp_path, CONDITIONS)
    assert [p.name for p in tmp_path.iterdir()] == ['thesis.tex']


@pytest.mark.parametrize('text', ['{', '[]', '"x"'])
def test_a_head_that_cannot_be_read(tmp_path, text):
    FrameStore(tmp_path, CONDITIONS)
    (tmp_path / 'cache.json').write_text(text)
    with pytest.raises(ConfigError, match='remove the folder|made with'):
        FrameStore(tmp_path, CONDITIONS)


def test_a_file_of_another_frame_is_damaged(tmp_path):
    store = FrameStore(tmp_path, CONDITIONS)
    store.write('one', [np.ones(1)], {})
    store.path('two').parent.mkdir(exist_ok=True)
    store.path('one').rename(store.path('two'))
    with pytest.raises(DamagedFileError, match="is of 'one'"):
        store.read('two')


def _open_and_write(folder, number, outcomes):
    """Half of the processes mean another teacher."""
    conditions = dict(CONDITIONS, weights=f'teacher {number % 2}')
    try:
        store = FrameStore(folder, conditions)
    except ConfigError:
        outcomes.put((number % 2, 'refused'))
        return
    for frame in range(20):
        store.write(str(frame), [np.full(1000, number % 2)], {})
        arrays, _ = store.read(str(frame))
        assert (arrays[0] == number % 2).all()
    outcomes.put((number % 2, 'wrote'))


def test_processes_that_start_together(tmp_path):
    """One teacher wins; its processes write the same frames, all whole."""
    context = multiprocessing.get_context('fork')
    outcomes = context.Queue()
    processes = [
        context.Process(target=_open_and_write,
                        args=(tmp_path / 'cache', number, outcomes))
        for number in range(6)
    ]
    for process in processes:
        process.start()
    found = [outcomes.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    winner, = {number for number, outcome in found if outcome == 'wrote'}
    assert sorted(found) == sorted([(winner, 'wrote')] * 3
                                   + [(1 - winner, 'refused')] * 3)
    store = FrameStore(tmp_path / 'cache',
                       dict(CONDITIONS, weights=f'teacher {winner}'))
    assert store.frames() == 20
    assert not list((tmp_path / 'cache').rglob('*.partial'))
