"""A conversion of small drives in the folders of MAVD, and what it leaves."""
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import soundfile

from mmxkd.datasets.convert import mavd, mavd_frame
from mmxkd.datasets.convert.mavd import MavdSettings, convert
from mmxkd.datasets.convert.mavd_frame import SoundSettings
from mmxkd.datasets.convert.mavd_report import BadFilesError
from mmxkd.formats.mavd.layout import (
    FrameId,
    audio_path,
    picture_path,
    read_split,
    sound_path,
)
from tests.helpers.mavd_tree import RATE, SECONDS, SPLITS, frames_of, sounds_of

SOUND = SoundSettings(source='auto', sample_rate=RATE, seconds=SECONDS)

FIRST = frames_of('train')[0]


def run(root, out=None, workers=0, splits=SPLITS, truth=None, columns='all',
        decode=False, leave_out_bad=False, **sound):
    frames = {split: read_split(root / f'{split}_all.txt') for split in splits}
    settings = MavdSettings(replace(SOUND, **sound), columns, decode,
                            leave_out_bad)
    return convert(root, frames, settings, out, truth, num_workers=workers)


def index_of(out, name='train'):
    return json.loads((out / f'annotations/{name}.json').read_text())


def tree(out):
    """All bytes but those that remember the progress."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob('*'))
        if path.is_file() and mavd.PROGRESS not in path.parts
    }


def bad_of(root, **kwargs):
    """The one bad file that a conversion finds, and why it is bad."""
    with pytest.raises(BadFilesError) as caught:
        run(root, **kwargs)
    (bad, ) = caught.value.report.bad
    assert bad['file'] in str(caught.value)
    report = json.loads((root / mavd.REPORT).read_text())
    assert report['bad'] == [bad]
    assert not (root / 'annotations/train.json').exists()
    frame = FrameId(*bad['frame'].split('/'))
    assert not (root / sound_path(frame)).exists()
    return bad['file'], bad['reason']


def wav(root, k=3):
    return root / audio_path(FIRST, k, '.wav')


def rewrite(root, sound, k=3, rate=RATE, **kwargs):
    soundfile.write(wav(root, k), sound, rate, **kwargs)


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])


ONE = sounds_of(FIRST)[3]


def picture(root, camera):
    return root / picture_path(camera, FIRST, '.png')


def write_picture(root, camera, shape, dtype=np.uint8):
    rng = np.random.default_rng(0)
    high = np.iinfo(dtype).max
    assert cv2.imwrite(str(picture(root, camera)),
                       rng.integers(0, high, shape, dtype=dtype))


def converted(monkeypatch):
    """The frames that are converted from now on."""
    seen = []

    def convert_frame(job):
        seen.append(job.frame)
        return mavd_frame.convert_frame(job)

    monkeypatch.setattr(mavd, 'convert_frame', convert_frame)
    return seen
