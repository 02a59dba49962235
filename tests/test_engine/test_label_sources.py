"""Frames by who labelled them."""
from types import SimpleNamespace

import pytest
import torch

from mmxkd.engine.label_sources import (
    check_kind,
    check_labelled,
    frames_of,
    pick_frames,
    source_of,
)
from mmxkd.errors import ConfigError


def frame(**meta):
    return SimpleNamespace(metainfo=dict(meta, img_path='a.png'))


FRAMES = [
    frame(),
    frame(labelled=True, label_source='human'),
    frame(labelled=False),
    frame(labelled=False, label_source='teacher'),
    frame(labelled=False, label_source='gated'),
    # A human has labelled it; the teacher did so anew.
    frame(labelled=True, label_source='gated')
]


def test_who_labelled_it():
    assert [source_of(f) for f in FRAMES
            ] == ['human', 'human', 'unlabelled', 'teacher', 'gated', 'gated']


@pytest.mark.parametrize('kind, expected', [
    (None, [0, 1, 2, 3, 4, 5]),
    ('human', [0, 1]),
    ('unlabelled', [2, 3, 4]),
    ('teacher', [3, 4, 5]),
    ('gated', [4, 5]),
    ('thermal', []),
])
def test_choosing(kind, expected):
    assert frames_of(FRAMES, kind) == expected


def test_kinds_are_checked():
    check_kind('x', 'gated', ['gated'])
    with pytest.raises(ConfigError, match="x='gate'.*did you mean 'gated'"):
        check_kind('x', 'gate', ['gated'])


def test_frames_without_labels():
    check_labelled(FRAMES[:2] + FRAMES[3:], 'loss', 'do that')
    with pytest.raises(ConfigError, match='loss: nobody has labelled a.png.*'
                       'do that'):
        check_labelled(FRAMES, 'loss', 'do that')


def test_a_part_of_a_record():
    record = [torch.arange(6.).view(3, 2), dict(x=(torch.arange(3), ))]
    found = pick_frames(record, [2, 0], 3, 'it')
    assert found[0].tolist() == [[4, 5], [0, 1]]
    assert found[1]['x'][0].tolist() == [2, 0]


@pytest.mark.parametrize('tensor', [torch.zeros(7, 4), torch.tensor(1.)])
def test_a_record_without_an_axis_of_frames(tensor):
    with pytest.raises(
            ConfigError, match=r'it gave a tensor of shape \('
            '.*batch of 3 frames.*cannot be restricted'):
        pick_frames([torch.zeros(3), tensor], [0], 3, 'it')
