"""Time to convert MAVD's sound, against librosa and pickles.

The opponent does what the published converter does: for each recording
``librosa.load``, ``melspectrogram``, decibels, and a pickle. Both get the
same frames of eight recordings and the same number of processes, and take
turns. Ours also checks, compares and indexes the files.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/mavd_converter.py``
"""
import argparse
import contextlib
import io
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import librosa
import numpy as np
import soundfile

from mmxkd.datasets.convert.mavd import MavdSettings, convert
from mmxkd.datasets.convert.mavd_frame import SoundSettings
from mmxkd.datasets.transforms import LoadStoredSound, LogMelSpectrogram
from mmxkd.formats.mavd.layout import (
    CAMERAS,
    MICROPHONES,
    FrameId,
    audio_path,
    picture_path,
    sound_path,
)
from mmxkd.io.parallel import parallel_map

RATE = 44100
OURS = ('waveform', 'spectrogram')


def write_frames(root: Path, number: int, suffix: str) -> list[FrameId]:
    """Noise at several levels, and pictures of 1920 x 650."""
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(
        rng.integers(0, 256, (650, 1920, 3), dtype=np.uint8), (0, 0), 5)
    jpeg = cv2.imencode('.jpg', picture)[1].tobytes()
    frames = []
    for k in range(number):
        frame = FrameId('drive_day_0', f'{1_000_000_000 + k}_000000000_0')
        frames.append(frame)
        for camera in CAMERAS:
            path = root / picture_path(camera, frame)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg)
        for microphone in range(MICROPHONES):
            path = root / audio_path(frame, microphone, suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            level = .02 * (1 + microphone)
            soundfile.write(path, rng.normal(0, level, RATE), RATE)
    return frames


def librosa_file(path: Path) -> np.ndarray:
    """(80, 173) decibels, as published."""
    sound, _ = librosa.load(path, sr=RATE)
    power = librosa.feature.melspectrogram(y=sound, sr=RATE, n_fft=1024,
                                           hop_length=256, n_mels=80,
                                           pad_mode='reflect')
    return librosa.power_to_db(power, ref=np.max)


def librosa_frame(paths: list[Path], out: Path) -> None:
    """The published converter, for the recordings of one frame."""
    for path in paths:
        # numpy's own way to write a pickle.
        librosa_file(path).dump(out / f'{path.stem}.pkl')


def with_librosa(root: Path, frames: list[FrameId], suffix: str, workers: int,
                 out: Path) -> None:
    """All frames by the opponent."""
    out.mkdir()
    jobs = [[root / audio_path(f, k, suffix) for k in range(MICROPHONES)]
            for f in frames]
    for _ in parallel_map(partial(librosa_frame, out=out), jobs, workers,
                          'librosa'):
        pass


def with_ours(root: Path, frames: list[FrameId], store: str, workers: int,
              out: Path) -> None:
    """All frames by the converter of the package."""
    settings = MavdSettings(SoundSettings(store=store))
    convert(root, dict(train=frames), settings, out, num_workers=workers)


def measured(step: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of all processes' CPU time."""

    def cpu() -> float:
        return sum(
            sum(resource.getrusage(who)[:2])
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    began, before = time.perf_counter(), cpu()
    with contextlib.redirect_stderr(io.StringIO()):
        step()
    return time.perf_counter() - began, cpu() - before


def check(root: Path, frame: FrameId, suffix: str, out: Path,
          store: str) -> float:
    """By how many dB the result differs from the opponent's, at most."""
    sample = dict(sound_path=str(out / sound_path(frame)))
    found = LoadStoredSound(holds=store)(sample)
    if store == 'waveform':
        found = LogMelSpectrogram()(found)
    exact = np.stack([
        librosa_file(root / audio_path(frame, k, suffix))
        for k in range(MICROPHONES)
    ])
    return float(np.abs(found['spectrogram'] - exact).max())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--frames', type=int, default=200)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--suffix', choices=('.mp3', '.wav', '.flac'),
                        default='.mp3')
    args = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix='mavd_'))
    try:
        run(root, args)
    finally:
        shutil.rmtree(root)


def run(root: Path, args: argparse.Namespace) -> None:
    """Print the table."""
    frames = write_frames(root, args.frames, args.suffix)
    out = root / 'out'
    steps: dict[str, Callable[[], object]] = {
        'librosa': partial(with_librosa, root, frames, args.suffix,
                           args.workers, out)
    }
    for store in OURS:
        steps[store] = partial(with_ours, root, frames, store, args.workers,
                               out)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    apart, size = {}, {}
    for index in range(args.rounds + 1):
        for name in steps if index % 2 else reversed(steps):
            spent = measured(steps[name])
            if index:  # the first round warms up
                found[name].append(spent)
            elif name in OURS:
                apart[name] = check(root, frames[0], args.suffix, out, name)
                size[name] = (out / sound_path(frames[0])).stat().st_size
            shutil.rmtree(out)
    print(f'{args.frames} frames of {MICROPHONES} {args.suffix} files, '
          f'{args.workers} processes, {args.rounds} interleaved rounds')
    for name, rounds in found.items():
        wall, cpu = (statistics.median(column)
                     for column in zip(*rounds, strict=True))
        print(f'{name:12s}{1e3 * wall / args.frames:8.2f} ms, '
              f'{1e3 * cpu / args.frames:8.2f} ms of CPU a frame')
    for name in OURS:
        for k, what in enumerate(('time', 'CPU time')):
            ratios = sorted(
                a[k] / b[k]
                for a, b in zip(found['librosa'], found[name], strict=True))
            print(f'librosa ÷ {name} {what} {statistics.median(ratios):.1f} '
                  f'[{ratios[0]:.1f}, {ratios[-1]:.1f}], bar 3; '
                  f'{apart[name]:.1e} dB apart, {size[name] / 1e3:.0f} kB a '
                  'frame')


if __name__ == '__main__':
    main()
