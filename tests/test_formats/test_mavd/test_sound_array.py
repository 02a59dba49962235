"""Sound arrays: exact where they can be, and refused where they are not."""
import io
import json
import zipfile

import numpy as np
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.sound_array import (
    SoundArray,
    read_sound_array,
    write_sound,
)


def again(path, values, **kwargs):
    write_sound(
        path, SoundArray('waveform', values.astype(np.float32), 8000,
                         **kwargs))
    return read_sound_array(path).values


@pytest.mark.parametrize('loudest', [1, 2, 77, 4096, 32767])
def test_16_bits_are_kept_to_the_last_one(tmp_path, loudest):
    rng = np.random.default_rng(loudest)
    values = rng.integers(-loudest, loudest + 1, (8, 500)) / 32768
    values[0, 0] = -1  # full scale is there below zero alone
    np.testing.assert_array_equal(again(tmp_path / 'a.npz', values), values)


@pytest.mark.parametrize('level', [1e-20, 1e-4, .3, 1., 1.7, 1e6])
def test_others_lose_half_a_step_of_15_bits(tmp_path, level):
    """An mp3 may go beyond full scale: nothing is cut off."""
    rng = np.random.default_rng(0)
    values = rng.uniform(-level, level, (3, 999)).astype(np.float32)
    found = again(tmp_path / 'a.npz', values)
    peak = np.abs(values).max(axis=1, keepdims=True)
    assert (np.abs(found - values) <= peak / 2**15).all()
    assert found.dtype == np.float32


def test_each_microphone_has_its_own_scale(tmp_path):
    values = np.array([[0, 0, 0], [1e-5, -2e-5, 3e-5], [.9, -.9, .1]])
    found = again(tmp_path / 'a.npz', values)
    assert not found[0].any()
    np.testing.assert_allclose(found[1:], values[1:], rtol=1e-3)


def test_equal_sounds_make_equal_bytes(tmp_path):
    values = np.linspace(-.5, .5, 300).reshape(3, 100)
    for name in 'ab':
        again(tmp_path / name, values, clipped=2)
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()
    assert read_sound_array(tmp_path / 'a').clipped == 2


def test_a_spectrogram_in_steps(tmp_path):
    values = np.linspace(-100, 127.9, 8 * 20 * 7).reshape(8, 20, 7)
    sound = SoundArray('spectrogram', values.astype(np.float32), 44100,
                       reference='absolute', front_end=dict(hop=256))
    write_sound(tmp_path / 'a.npz', sound)
    found = read_sound_array(tmp_path / 'a.npz')
    assert np.abs(found.values - values).max() <= 1 / 512 + 1e-5
    assert (found.reference, found.front_end) == ('absolute', dict(hop=256))


def test_what_is_not_written(tmp_path):
    path = tmp_path / 'a.npz'
    values = np.zeros((2, 3), np.float32)
    for sound, error, message in ((SoundArray('wave', values,
                                              1), ConfigError, 'kind='),
                                  (SoundArray('waveform', values * np.nan,
                                              1), ValueError, 'finite'),
                                  (SoundArray('spectrogram',
                                              values[None] + 200, 1,
                                              reference='absolute'),
                                   ValueError, 'too large'),
                                  (SoundArray('waveform', values + 1e37,
                                              1), ValueError, 'too large'),
                                  (SoundArray('spectrogram', values[None],
                                              1), ConfigError, 'reference=')):
        with pytest.raises(error, match=message):
            write_sound(path, sound)
    assert not [*tmp_path.iterdir()]


def archive(note, **arrays):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as out:
        out.writestr('note.json', json.dumps(note))
        for name, array in arrays.items():
            with out.open(f'{name}.npy', 'w') as member:
                np.save(member, array)
    return file.getvalue()


GOOD = dict(kind='waveform', sample_rate=8000, clipped=0)
VALUES, ONES = np.ones((2, 3), np.int16), np.ones(2, np.int32)
DAMAGED = {
    'empty': (b'', 'is damaged'),
    'no archive': (b'x' * 99, 'is damaged'),
    'half': (archive(GOOD, values=VALUES, exponents=ONES)[:300],
             'is damaged'),
    'a flipped bit': (archive(GOOD, values=VALUES, exponents=ONES).replace(
        VALUES.tobytes(), VALUES.tobytes()[:-1] + b'\7'), 'is damaged'),
    'of objects': (archive(GOOD, exponents=ONES), 'is damaged'),
    'another note': (archive([], values=VALUES, exponents=ONES),
                     'was not written by'),
    'another kind': (archive({**GOOD, 'kind': 'x'}, values=VALUES),
                     'was not written by'),
    'floats': (archive(GOOD, values=VALUES * 1., exponents=ONES),
               'was not written by'),
    'one dimension': (archive(GOOD, values=VALUES[0], exponents=ONES),
                      'was not written by'),
    'too few exponents': (archive(GOOD, values=VALUES, exponents=ONES[:1]),
                          'an exponent for each of 2'),
    'huge exponents': (archive(GOOD, values=VALUES, exponents=ONES * 2000),
                       'an exponent for each of 2'),
}  # yapf: disable


@pytest.mark.parametrize('name', DAMAGED)
def test_a_damaged_file(tmp_path, name):
    content, message = DAMAGED[name]
    path = tmp_path / 'a.npz'
    path.write_bytes(content)
    with pytest.raises(CorruptSampleError, match=message) as caught:
        read_sound_array(path)
    assert str(path) in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(CorruptSampleError, match='cannot be read'):
        read_sound_array(tmp_path / 'none.npz')
