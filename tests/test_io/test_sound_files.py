"""Sound files: whole, or refused with the reason."""
import sys

import numpy as np
import pytest
import soundfile

from mmxkd.errors import CorruptSampleError
from mmxkd.io.sounds import read_sound

RATE = 44100


def tone(hertz: float = 440, seconds: float = 1., rate: int = RATE):
    return 0.5 * np.sin(
        2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize('ending, error', [('wav', 1e-4), ('flac', 1e-4),
                                           ('mp3', 0.02)])
def test_formats(tmp_path, ending, error):
    path = tmp_path / f'tone.{ending}'
    both = np.stack([tone(), tone(880)], axis=1)
    soundfile.write(path, both, RATE)
    sound, rate = read_sound(path)
    assert (sound.shape, sound.dtype, rate) == ((2, RATE), np.float32, RATE)
    # The ends of an mp3 ring.
    np.testing.assert_allclose(sound[:, 2000:-2000], both.T[:, 2000:-2000],
                               atol=error)


def test_another_rate_is_resampled(tmp_path):
    path = tmp_path / 'tone.wav'
    soundfile.write(path, tone(rate=16000), 16000)
    sound, rate = read_sound(path, RATE)
    assert (sound.shape, rate) == ((1, RATE), RATE)
    np.testing.assert_allclose(sound[0, 500:-500], tone()[500:-500], atol=1e-3)


def cut(path, share: float = 0.5):
    content = path.read_bytes()
    path.write_bytes(content[:int(len(content) * share)])


@pytest.mark.parametrize('ending, message', [
    ('wav', r'is cut off: 44122 bytes, its header gives 88244'),
    ('flac', 'cannot be decoded'),
])
def test_half_a_file_is_refused(tmp_path, ending, message):
    path = tmp_path / f'tone.{ending}'
    rng = np.random.default_rng(0)
    soundfile.write(path, rng.uniform(-.5, .5, RATE), RATE)
    cut(path)
    with pytest.raises(CorruptSampleError, match=message) as caught:
        read_sound(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize('form, endian', [('RF64', 'LITTLE'), ('WAV', 'BIG'),
                                          ('AIFF', 'FILE')])
def test_half_of_other_containers(tmp_path, form, endian):
    """The decoder returns half of them, and says nothing."""
    path = tmp_path / 'tone.wav'
    soundfile.write(path, tone(), RATE, 'PCM_16', endian, form)
    sound, _ = read_sound(path)
    np.testing.assert_allclose(sound[0], tone(), atol=1e-4)
    size = path.stat().st_size
    cut(path)
    assert len(soundfile.read(path)[0]) < RATE
    with pytest.raises(
            CorruptSampleError,
            match=f'is cut off: {size // 2} bytes, its header gives {size}'):
        read_sound(path)


def test_half_an_mp3_is_refused_by_its_header(tmp_path):
    """The decoder itself returns what there is."""
    path = tmp_path / 'tone.mp3'
    soundfile.write(path, tone(seconds=4), RATE)
    cut(path)
    with pytest.raises(CorruptSampleError,
                       match='is cut off: .* its header gives 176400'):
        read_sound(path)


@pytest.mark.parametrize('content, message',
                         [(b'', 'the file is empty'),
                          (b'RIF', 'cannot be decoded'),
                          (b'no sound at all' * 99, 'cannot be decoded')])
def test_what_is_not_sound(tmp_path, content, message):
    path = tmp_path / 'tone.wav'
    path.write_bytes(content)
    with pytest.raises(CorruptSampleError, match=message):
        read_sound(path)


def test_values_that_are_not_finite(tmp_path):
    path = tmp_path / 'tone.wav'
    soundfile.write(path, np.full(99, np.nan), RATE, subtype='FLOAT')
    with pytest.raises(CorruptSampleError, match='not finite'):
        read_sound(path)
    with pytest.raises(CorruptSampleError, match='cannot be read'):
        read_sound(tmp_path / 'none.wav')


@pytest.mark.parametrize('level, is_good', [(2, True), (-32767, False)])
def test_floats_far_above_full_scale(tmp_path, level, is_good):
    path = tmp_path / 'tone.wav'
    soundfile.write(path, tone() * 2 * level, RATE, subtype='FLOAT')
    if is_good:
        assert read_sound(path)[0].max() == pytest.approx(level)
        return
    with pytest.raises(CorruptSampleError,
                       match='tone.wav: holds values up to 327.*integers'):
        read_sound(path)


def flac_of(path, frames):
    """A FLAC file of a second whose header gives another length."""
    soundfile.write(path, tone(), RATE)
    content = bytearray(path.read_bytes())
    # Behind 'fLaC' and the head of the first block: rate, channels, bits
    # and, in the last 36 bits of this word, the samples.
    word = int.from_bytes(content[18:26], 'big')
    content[18:26] = (word >> 36 << 36 | frames).to_bytes(8, 'big')
    path.write_bytes(content)


def wav_of(path, rate, samples=RATE):
    """A WAV file whose header gives another rate."""
    soundfile.write(path, tone()[:samples], RATE)
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, 'little')
    path.write_bytes(content)


@pytest.mark.parametrize('frames', [2**36 - 1, 2**28 + 1])
def test_a_header_of_too_many_samples(tmp_path, frames):
    """Memory for them would end a conversion of other files, too."""
    path = tmp_path / 'tone.flac'
    flac_of(path, frames)
    with pytest.raises(
            CorruptSampleError,
            match=f'tone.flac: its header gives {frames} samples '
            'of 1 channels at 44100 Hz: .* 268435456 at most'):
        read_sound(path)
    flac_of(path, RATE)
    assert read_sound(path)[0].shape == (1, RATE)


@pytest.mark.parametrize('rate, is_good', [(1, False), (999, False),
                                           (1000, True), (768000, True),
                                           (2_000_000_000, False)])
def test_rates_that_no_sound_has(tmp_path, rate, is_good):
    path = tmp_path / 'tone.wav'
    wav_of(path, rate)
    if is_good:
        assert read_sound(path)[1] == rate
        return
    for wanted in (None, RATE):
        with pytest.raises(
                CorruptSampleError, match='tone.wav: its header '
                f'gives {rate} Hz, expected 1000 to 768000'):
            read_sound(path, wanted)


def test_too_much_to_resample(tmp_path, monkeypatch):
    path = tmp_path / 'tone.wav'
    wav_of(path, 1000)
    monkeypatch.setattr('mmxkd.io.sounds._MOST', 44 * RATE)
    assert read_sound(path)[0].shape == (1, RATE)
    with pytest.raises(CorruptSampleError, match='at 1000 Hz: 1.94e.06 val'):
        read_sound(path, RATE)


def test_nothing_is_left_by_resampling(tmp_path):
    path = tmp_path / 'tone.wav'
    wav_of(path, 48000, samples=5)
    with pytest.raises(CorruptSampleError,
                       match='holds 5 samples at 48000 Hz, .* at 1000 Hz'):
        read_sound(path, 1000)


@pytest.mark.parametrize('package', ['soundfile', 'soxr'])
def test_a_missing_package_is_named(tmp_path, monkeypatch, package):
    path = tmp_path / 'tone.wav'
    soundfile.write(path, tone(), RATE)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError,
                       match=f'package {package}.*--with sound'):
        read_sound(path, 8000)
    if package == 'soxr':
        assert read_sound(path, RATE)[1] == RATE
