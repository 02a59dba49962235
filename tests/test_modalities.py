"""The table of modalities, and that all it says is implemented."""
import dataclasses

import pytest

from mmxkd.datasets.transforms import Pad
from mmxkd.datasets.transforms.geometry import FLIPS, RESIZES
from mmxkd.errors import ConfigError
from mmxkd.modalities import (
    KINDS,
    MODALITIES,
    Modality,
    get_modality,
    present,
    register_modality,
    spatial,
)
from mmxkd.visualization.modalities import DRAWERS
from tests.helpers.modalities import more_modalities


def test_rows():
    assert {
        name: (m.channels, m.kind, m.resize, m.flip, m.drawn)
        for name, m in MODALITIES.items()
    } == {
        'img': (3, 'dense', 'linear', 'mirrored', 'bgr'),
        'clean': (3, 'dense', 'linear', 'mirrored', 'bgr'),
        'gated': (3, 'dense', 'linear', 'mirrored', 'slices'),
        'depth': (1, 'sparse', 'valid_minimum', 'mirrored', 'depth'),
        'depth_picture': (3, 'dense', 'linear', 'mirrored', 'bgr'),
        'thermal': (1, 'dense', 'linear', 'mirrored', 'grey'),
        'audio': (None, 'sound', 'none', 'microphones', 'waveform'),
        'spectrogram': (None, 'sound', 'none', 'microphones', 'spectrogram'),
    }
    assert [m.name for m in MODALITIES.values()
            if m.in_colour] == ['img', 'clean', 'depth_picture']
    assert {m.pad_value for m in MODALITIES.values()} == {0}


def test_img_is_padded_as_mmdet_pads_it():
    assert Pad(size_divisor=1).pad_val['img'] == MODALITIES['img'].pad_value


@pytest.mark.parametrize('rules, implemented',
                         [('resizes', {*RESIZES, 'none'}),
                          ('flips', set(FLIPS)), ('drawings', set(DRAWERS))])
def test_each_rule_has_an_implementation(rules, implemented):
    said = {rule for kind in KINDS.values() for rule in getattr(kind, rules)}
    assert said == implemented


@pytest.mark.parametrize('name', MODALITIES)
def test_keys_are_names_and_only_sounds_are_not_resized(name):
    modality = MODALITIES[name]
    assert modality.name == name
    assert (modality.resize == 'none') == (modality.kind == 'sound')
    assert (modality.flip == 'microphones') == (modality.kind == 'sound')
    assert modality.spatial == (modality.kind != 'sound')


@pytest.mark.parametrize('kind, expected',
                         [('dense', ('linear', 'mirrored', 'grey')),
                          ('sparse', ('valid_minimum', 'mirrored', 'depth')),
                          ('sound', ('none', 'microphones', 'spectrogram'))])
def test_what_an_entry_does_not_say_goes_with_its_kind(kind, expected):
    modality = Modality('new', 1, kind)
    assert (modality.resize, modality.flip, modality.drawn) == expected


def test_an_entry_may_choose_among_what_its_kind_allows():
    completed = Modality('completed', 1, 'dense', drawn='depth',
                         resize='valid_minimum')
    assert (completed.resize, completed.drawn) == ('valid_minimum', 'depth')
    # A replaced entry is checked like any other.
    assert dataclasses.replace(completed, channels=2, drawn='grey')
    with pytest.raises(ConfigError, match="'depth' shows 1 channels"):
        dataclasses.replace(completed, channels=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        completed.channels = 2


@pytest.mark.parametrize('entry, message', [
    (dict(name='my radar'), "'my radar': expected a name that can be"),
    (dict(kind='sparze'), "radar: kind='sparze'.*did you mean 'sparse'"),
    (dict(resize='linear'), "radar of kind 'sparse': resize='linear', "
     "expected one of .'valid_minimum'"),
    (dict(kind='dense', flip='mirored'), "flip='mirored'.*'mirrored'"),
    (dict(kind='sound', resize='linear'), "expected one of .'none'"),
    (dict(drawn='grye'), "drawn='grye'.*did you mean 'grey'"),
    (dict(channels=0), 'radar: channels=0, expected 1 or more'),
    (dict(kind='dense', drawn='bgr'), "'bgr' shows 3 channels, but it has 1"),
    (dict(channels=2), "'depth' shows 1 channels, but it has 2.*'grey'"),
    (dict(kind='dense', channels=None, drawn='slices'), 'but it has None'),
    (dict(pad_value=1), 'radar: pad_value=1, expected 0'),
    (dict(kind='dense', pad_value=float('nan')), 'expected a finite number'),
])
def test_entry_that_does_not_fit_is_refused(entry, message):
    with pytest.raises(ConfigError, match=message):
        Modality(**{**dict(name='radar', channels=1, kind='sparse'), **entry})


def test_registered_modality_is_known():
    radar = Modality('radar', 1, 'sparse')
    with more_modalities():
        assert register_modality(radar) is radar
        # A module may be imported twice, under two names.
        register_modality(Modality('radar', 1, 'sparse'))
        assert get_modality('radar') is radar
        assert spatial(['radar']) == [radar]
        with pytest.raises(ConfigError, match="'radar' is registered as.*"
                           'another name'):
            register_modality(Modality('radar', 2, 'dense'))
        assert get_modality('radar') is radar
    assert 'radar' not in MODALITIES


def test_known_modality_cannot_be_changed():
    with pytest.raises(ConfigError, match="'img' is registered"):
        register_modality(Modality('img', 1, 'dense'))
    assert get_modality('img').channels == 3


def test_unknown_name_offers_the_nearest():
    with pytest.raises(ConfigError, match="modality='gatd'.*did you mean "
                       "'gated'"):
        get_modality('gatd')


def test_what_a_sample_holds():
    sample = dict(img_id=7, audio=1, depth=2, img=3, lidar=4, gt_bboxes=5)
    assert [m.name for m in present(sample)] == ['img', 'depth', 'audio']
    assert [m.name for m in spatial(sample)] == ['img', 'depth']
    assert present(()) == spatial(()) == []
