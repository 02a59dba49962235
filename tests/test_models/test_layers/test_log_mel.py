"""Log-mel spectrograms against published numbers and librosa."""
import librosa
import numpy as np
import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.models.layers import LogMel, mel_filters, resize_maps


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'mm_distillnet_golden/mel.npz',
                   allow_pickle=False)


@pytest.fixture(scope='module')
def maps(golden):
    wave = torch.from_numpy(golden['wave_i16']).float() / 32768
    return LogMel(int(golden['sample_rate']))(wave)


def test_golden(golden, maps):
    np.testing.assert_allclose(maps, golden['mel_db'], atol=1e-3, rtol=0)
    # Silence is loud, as published.
    assert maps[3].abs().max() < 1e-5


def test_golden_resized(golden, maps):
    large = resize_maps(maps[None], (768, 768))[0]
    for key, part in (('row0', large[:, 0]), ('row383', large[:, 383]),
                      ('col767', large[:, :, 767])):
        np.testing.assert_allclose(part, golden[f'resized_{key}'], atol=5e-3,
                                   rtol=0)
    found = torch.stack([
        large.mean((1, 2)),
        large.std((1, 2), correction=0),
        large.amin((1, 2)),
        large.amax((1, 2))
    ], 1)
    np.testing.assert_allclose(found, golden['resized_mean_std_min_max'],
                               atol=5e-3, rtol=0)


@pytest.mark.parametrize('options', [
    dict(n_mels=80, n_fft=1024, sample_rate=44100),
    dict(n_mels=40, n_fft=2048, sample_rate=16000, f_min=50, f_max=7000)
])
def test_filters_as_librosa(options):
    theirs = dict(options, sr=options['sample_rate'],
                  fmin=options.get('f_min', 0), fmax=options.get('f_max'))
    for key in ('sample_rate', 'f_min', 'f_max'):
        theirs.pop(key, None)
    np.testing.assert_allclose(mel_filters(**options),
                               librosa.filters.mel(**theirs), atol=1e-8)


def noise(*shape, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator) * 0.1


def test_as_librosa_with_a_common_reference():
    wave = noise(3, 22050) * torch.tensor([1., .1, .01])[:, None]
    mel = np.stack([
        librosa.feature.melspectrogram(y=w.numpy(), sr=44100, n_fft=1024,
                                       hop_length=256, n_mels=80,
                                       pad_mode='reflect') for w in wave
    ])
    expected = librosa.power_to_db(mel, ref=np.max)
    np.testing.assert_allclose(
        LogMel(reference='common')(wave), expected, atol=1e-3)
    fixed = librosa.power_to_db(mel, ref=0.5)
    np.testing.assert_allclose(LogMel(reference=0.5)(wave), fixed, atol=1e-3)
    # Each its own: all reach 0 dB.
    assert LogMel()(wave).amax((1, 2)).tolist() == pytest.approx([0, 0, 0])


def test_a_batch_is_its_samples():
    wave = noise(2, 4, 6000)
    layer = LogMel(reference='common', phase=True)
    batch = layer(wave)
    assert batch.shape == (2, layer.maps(4), 80, 24)
    for sample, alone in zip(batch, wave, strict=True):
        torch.testing.assert_close(sample, layer(alone))


def test_phase_says_who_hears_first():
    """A tone that reaches the next microphone a quarter period later."""
    t = torch.arange(22050) / 44100
    period = 1 / 1000
    wave = torch.stack([
        torch.sin(2 * torch.pi * 1000 * (t - delay))
        for delay in (0, period / 4)
    ])
    maps = LogMel(phase=True)(wave)
    band = int(maps[0, :, 40].argmax())
    real, imaginary = maps[2:4, band, 40], maps[4:6, band, 40]
    # From the first to the second, and back.
    assert real.tolist() == pytest.approx([0, 0], abs=.02)
    assert imaginary.tolist() == pytest.approx([1, -1], abs=.02)
    assert maps[2:].abs().max() <= 1 + 1e-4


def test_gradients_reach_the_waveform():
    wave = noise(2, 4096).requires_grad_()
    LogMel(phase=True)(wave).sum().backward()
    assert wave.grad.isfinite().all() and wave.grad.abs().sum() > 0
    silent = torch.zeros(2, 4096, requires_grad=True)
    LogMel(phase=True)(silent).sum().backward()
    assert silent.grad.isfinite().all()


@pytest.mark.parametrize('options, message', [
    (dict(reference='micro'), "did you mean 'microphone'"),
    (dict(reference=0), 'reference=0, expected a number above 0'),
    (dict(reference=None), 'reference=None, expected a number above 0'),
    (dict(hop=0), 'hop=0, expected a whole number of 1 or more'),
    (dict(hop=1.5), 'hop=1.5, expected a whole number'),
    (dict(n_mels=0), 'n_mels=0, expected a whole number'),
    (dict(n_fft=-2), 'n_fft=-2, expected a whole number'),
    (dict(sample_rate=0), 'sample_rate=0, expected a whole number'),
    (dict(top_db=float('nan')), 'top_db=nan, expected a number above 0'),
    (dict(n_mels=400), 'band 0 of n_mels=400 holds no frequency'),
    (dict(f_max=23000), 'up to half of sample_rate=44100'),
])
def test_options_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        LogMel(**options)


def test_too_short():
    with pytest.raises(ValueError, match=r'T > 512, got \(8, 512\)'):
        LogMel()(torch.zeros(8, 512))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('gain', [1e-3, 1., 8.])
def test_autocast_leaves_decibels_and_phases(dtype, gain):
    """As a model with AMP calls it, at any loudness."""
    layer = LogMel(16000, n_mels=64, reference='common', phase=True)
    wave = gain * noise(2, 4, 8000)
    exact = layer(wave)
    with torch.autocast('cpu', dtype):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
        found = layer(wave)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact, atol=1e-5, rtol=0)
