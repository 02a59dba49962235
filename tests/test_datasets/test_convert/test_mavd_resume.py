"""A conversion of MAVD goes on where it was stopped."""
import os
import random
import signal
import threading
import time

import pytest
from tqdm import tqdm

from mmxkd.datasets.convert import mavd
from mmxkd.datasets.convert.mavd_report import BadFilesError
from mmxkd.formats.mavd.layout import audio_path, sound_path
from mmxkd.formats.mavd.sound_array import read_sound_array
from mmxkd.io import atomic
from tests.helpers.forked import run_forked
from tests.helpers.mavd_run import (
    FIRST,
    converted,
    cut,
    rewrite,
    run,
    tree,
    wav,
)
from tests.helpers.mavd_tree import frames_of, sounds_of


def test_a_journal_of_before_is_not_believed(root, monkeypatch):
    """It knew the rate of one microphone alone."""
    run(root)
    path = root / mavd.PROGRESS / 'progress.jsonl'
    path.write_text(path.read_text().replace('"rates": [8000]',
                                             '"rate": 8000'))
    seen = converted(monkeypatch)
    assert run(root).totals['frames of sound at 8000 Hz'] == 6
    assert len(seen) == 6


def test_what_is_done_is_not_done_again(root, monkeypatch):
    cut(wav(root))
    with pytest.raises(BadFilesError):
        run(root)
    whole = sounds_of(FIRST)[3]
    rewrite(root, whole)
    seen = converted(monkeypatch)
    run(root)
    assert seen == [FIRST]
    (root / sound_path(frames_of('val')[1])).unlink()
    os.utime(root / audio_path(frames_of('test')[0], 0, '.wav'), (1, 1))
    run(root)
    assert sorted(seen[1:],
                  key=str) == [frames_of('test')[0],
                               frames_of('val')[1]]


def same_after_a_kill(drives, out, wanted, arrange):
    """Run once, arranged to be killed, and once to the end."""

    def dying():
        # Its lock is shared with this process, which would wait for it.
        tqdm.set_lock(threading.RLock())
        arrange()
        run(drives, out)

    done = run_forked(dying, out / 'log.txt')
    (out / 'log.txt').unlink()
    for path in out.rglob('*.npz'):
        read_sound_array(path)  # What has its name is whole.
    run(drives, out)
    assert tree(out) == wanted
    assert not [*out.rglob('*.partial')]
    return done.code == -signal.SIGKILL


def test_killed_at_ten_moments(drives, tmp_path):
    began = time.perf_counter()
    run(drives, tmp_path / 'whole')
    seconds = time.perf_counter() - began
    wanted = tree(tmp_path / 'whole')
    draw = random.Random(0)

    def arrange(after):

        def kill():
            time.sleep(after)
            os.kill(os.getpid(), signal.SIGKILL)

        return lambda: threading.Thread(target=kill, daemon=True).start()

    killed = 0
    for k in range(10):
        out = tmp_path / str(k)
        out.mkdir()
        killed += same_after_a_kill(drives, out, wanted,
                                    arrange(draw.uniform(0, seconds)))
    assert killed >= 3


@pytest.mark.parametrize('moment', [1, 3, 8])
def test_killed_within_a_file(drives, tmp_path, moment):
    run(drives, tmp_path / 'whole')

    def arrange():
        write, count = atomic._Noting.write, [0]

        def half(self, data):
            count[0] += 1
            if count[0] == moment:
                write(self, bytes(data)[:len(data) // 2])
                self.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return write(self, data)

        atomic._Noting.write = half

    out = tmp_path / 'out'
    out.mkdir()
    assert same_after_a_kill(drives, out, tree(tmp_path / 'whole'), arrange)


@pytest.mark.parametrize('before', [True, False])
def test_killed_beside_the_journal(drives, tmp_path, before):
    """The array has its name, and the journal does not know of it, or half."""
    run(drives, tmp_path / 'whole')

    def arrange():
        add = mavd.Journal.add

        def dying(self, name, files, result):
            if name == str(frames_of('train')[1]):
                if not before:
                    with open(self.path, 'a') as file:
                        file.write('{"name": "driv')
                os.kill(os.getpid(), signal.SIGKILL)
            return add(self, name, files, result)

        mavd.Journal.add = dying

    out = tmp_path / 'out'
    out.mkdir()
    assert same_after_a_kill(drives, out, tree(tmp_path / 'whole'), arrange)
