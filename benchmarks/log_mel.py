"""CPU time of log-mel spectrograms against librosa's.

Eight microphones, one second each at 44.1 kHz: ``LogMel`` takes them at once;
librosa takes one after the other, as the published converter does. Both must
agree within 1e-3 dB.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/log_mel.py``
"""
import argparse
import statistics
from functools import partial

import librosa
import numpy as np
import torch
from interleaved import interleave, ratio

from mmxkd.models.layers import LogMel

RATE = 44100


def with_librosa(sounds: np.ndarray) -> np.ndarray:
    """(C, T) to (C, 80, 1 + T // 256) decibels."""
    return np.stack([
        librosa.power_to_db(
            librosa.feature.melspectrogram(y=sound, sr=RATE, n_fft=1024,
                                           hop_length=256, n_mels=80,
                                           pad_mode='reflect'), ref=np.max)
        for sound in sounds
    ])


def with_torch(layer: LogMel, sounds: np.ndarray) -> np.ndarray:
    """The same."""
    with torch.no_grad():
        return layer(torch.from_numpy(sounds)).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--rounds', type=int, default=51)
    parser.add_argument('--seconds', type=float, default=1.)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    sounds = rng.normal(0, .1, (8, int(args.seconds * RATE)))
    sounds = sounds.astype(np.float32)
    steps = dict(librosa=partial(with_librosa, sounds),
                 LogMel=partial(with_torch, LogMel(RATE), sounds))
    apart = float(np.abs(steps['librosa']() - steps['LogMel']()).max())
    if apart > 1e-3:
        raise SystemExit(f'they differ by {apart} dB')
    seconds = interleave(steps, args.rounds)
    print(f'8 microphones of {args.seconds:g} s, {torch.get_num_threads()} '
          f'thread(s), {args.rounds} interleaved rounds; at most '
          f'{apart:.1e} dB apart')
    for name, values in seconds.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(f'{name:8s} median {1e3 * middle:6.2f} ms CPU '
              f'[{1e3 * low:.2f}, {1e3 * high:.2f}]')
    middle, low, high = ratio(seconds, 'librosa', 'LogMel')
    print(f'librosa ÷ LogMel {middle:.1f} [{low:.1f}, {high:.1f}], bar 2')


if __name__ == '__main__':
    main()
