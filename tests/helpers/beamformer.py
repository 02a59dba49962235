"""Hear where cars are without learning: does the sound hold the scene?

``python -m tests.helpers.beamformer ROOT [SPLIT]`` prints how well two
receivers of textbooks see the direction of the vehicles of synthetic drives.
"""
import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmxkd.formats.mavd.layout import FrameId, audio_path, read_split
from mmxkd.io.sounds import read_sound
from mmxkd.synthetic.sensors.microphones import SPEED_OF_SOUND

BAND = (300.0, 3000.0)
VIEW = np.deg2rad(np.arange(-40, 40.5, 1.0))
"""Azimuths in the picture, radians to the right."""
DISTANCE = 15.0
WINDOW = 0.128
"""Seconds."""


class Heard(NamedTuple):
    """One frame.

    Attributes:
        vehicles: (N, ) azimuths of the vehicles in sight, radians.
        loudest: That of the one which should be loudest.
        found: Azimuth in the picture that sounds loudest.
        side: Level of the right microphones over the left ones, dB.
    """

    vehicles: np.ndarray
    loudest: float
    found: float
    side: float


def spectra(sound: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """The middle of a sound (M, T) within the band: spectra (M, F), and their
    frequencies (F, ) in Hz.
    """
    length = round(WINDOW * rate)
    first = (sound.shape[1] - length) // 2
    spectrum = np.fft.rfft(sound[:, first:first + length] * np.hanning(length))
    tones = np.fft.rfftfreq(length, 1 / rate)
    kept = (tones > BAND[0]) & (tones < BAND[1])
    return spectrum[:, kept], tones[kept]


def steered_power(sound: np.ndarray, rate: float, places: np.ndarray,
                  azimuths: np.ndarray) -> np.ndarray:
    """Power of the whitened sum of all microphones (SRP-PHAT).

    Args:
        sound (np.ndarray): (M, T), its middle is what counts.
        rate (float): Samples per second.
        places (np.ndarray): (M, 3) of the microphones, metres.
        azimuths (np.ndarray): (A, ) to look to, radians.
    """
    spectrum, tones = spectra(sound, rate)
    white = spectrum / np.maximum(np.abs(spectrum), 1e-12)
    points = DISTANCE * np.stack(
        [np.sin(azimuths),
         np.zeros(len(azimuths)),
         np.cos(azimuths)], 1)
    ways = np.linalg.norm(points[:, None] - places, axis=2)
    turn = np.exp(2j * np.pi * tones * ways[..., None] / SPEED_OF_SOUND)
    return np.sum(np.abs(np.sum(turn * white, axis=1))**2, axis=-1)


def louder_side(sound: np.ndarray, rate: float) -> float:
    """Level of the microphones to the right over those to the left, dB."""
    spectrum, _ = spectra(sound, rate)
    power = np.sum(np.abs(spectrum)**2, axis=1)
    return float(10 * np.log10(power[1:4].sum() / power[5:8].sum()))


def directions(root: Path, split: str) -> list[Heard]:
    """Each frame with a vehicle in sight, of all drives of a split."""
    rig = json.loads((root / 'rig.json').read_text(encoding='utf-8'))
    rate, places = rig['sample_rate'], np.array(rig['microphones'])
    truth = {
        frame['frame_id']: frame['vehicles']
        for path in sorted((root / 'truth').glob('*.json'))
        for frame in json.loads(path.read_text(encoding='utf-8'))['frames']
    }
    frames = []
    for frame in read_split(root / f'{split}_all.txt'):
        vehicles = truth[str(frame)]
        if not vehicles:
            continue
        sound = sound_of(root, frame)
        power = steered_power(sound, rate, places, VIEW)
        x, z = np.array([v['place'] for v in vehicles]).T
        level = np.array([v['sound_level'] for v in vehicles])
        loudest = (level - 20 * np.log10(np.hypot(x, z))).argmax()
        azimuths = np.arctan2(x, z)
        frames.append(
            Heard(azimuths, float(azimuths[loudest]),
                  float(VIEW[power.argmax()]), louder_side(sound, rate)))
    return frames


def errors_of(frames: list[Heard], found: np.ndarray) -> np.ndarray:
    """Degrees from what was found in each frame to the nearest vehicle."""
    return np.rad2deg([
        np.abs(frame.vehicles - azimuth).min()
        for frame, azimuth in zip(frames, found, strict=True)
    ])


def sound_of(root: Path, frame: FrameId) -> np.ndarray:
    """What all microphones heard, (8, T)."""
    return np.concatenate(
        [read_sound(root / audio_path(frame, k, '.wav'))[0] for k in range(8)])


def main() -> None:
    """Print a table."""
    root, split = Path(sys.argv[1]), (sys.argv[2:] or ['train'])[0]
    frames = directions(root, split)
    found = np.array([frame.found for frame in frames])
    rng = np.random.default_rng(0)
    print(f'{len(frames)} frames with vehicles in sight')
    for name, azimuths in (('beam former', found), ("another frame's sound",
                                                    rng.permutation(found))):
        errors = errors_of(frames, azimuths)
        print(f'{name}: median error {np.median(errors):.1f} degrees, '
              f'{np.mean(errors < 5):.0%} within 5')
    wide = [f for f in frames if abs(f.loudest) > np.deg2rad(5)]
    right = np.mean([np.sign(f.side) == np.sign(f.loudest) for f in wide])
    print(f'louder side: that of the loudest vehicle in {right:.0%} of '
          f'{len(wide)} frames where it is more than 5 degrees off the middle')


if __name__ == '__main__':
    main()
