"""Hear where cars are without learning: does the sound hold the scene?

``python -m tests.helpers.beamformer ROOT [SPLIT]`` prints how well two
receivers of textbooks see the direction of the vehicles of synthetic drives.
"""
import json
import sys
from pathlib import Path

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


def directions(root: Path, split: str) -> np.ndarray:
    """Rows of one frame with one vehicle in sight each: its true azimuth, the
    azimuth that sounds loudest (radians), the louder side (dB).
    """
    rig = json.loads((root / 'rig.json').read_text(encoding='utf-8'))
    truth = {
        frame['frame_id']: frame['vehicles']
        for path in sorted((root / 'truth').glob('*.json'))
        for frame in json.loads(path.read_text(encoding='utf-8'))['frames']
    }
    rows = []
    for frame in read_split(root / f'{split}_all.txt'):
        vehicles = truth[str(frame)]
        if len(vehicles) != 1:
            continue
        sound = sound_of(root, frame)
        rate, places = rig['sample_rate'], np.array(rig['microphones'])
        power = steered_power(sound, rate, places, VIEW)
        x, z = vehicles[0]['place']
        rows.append(
            (np.arctan2(x, z), VIEW[power.argmax()], louder_side(sound, rate)))
    return np.array(rows).reshape(-1, 3)


def sound_of(root: Path, frame: FrameId) -> np.ndarray:
    """What all microphones heard, (8, T)."""
    return np.concatenate(
        [read_sound(root / audio_path(frame, k, '.wav'))[0] for k in range(8)])


def main() -> None:
    """Print a table."""
    root, split = Path(sys.argv[1]), (sys.argv[2:] or ['train'])[0]
    true, found, side = directions(root, split).T
    errors = np.rad2deg(np.abs(found - true))
    shuffled = np.rad2deg(
        np.abs(np.random.default_rng(0).permutation(found) - true))
    wide = np.abs(true) > np.deg2rad(5)
    right = np.mean(np.sign(side[wide]) == np.sign(true[wide]))
    print(f'{len(true)} frames with one vehicle in sight')
    print(f'beam former: median error {np.median(errors):.1f} degrees, '
          f'{np.mean(errors < 5):.0%} within 5 (another frame\'s sound: '
          f'{np.median(shuffled):.1f}, {np.mean(shuffled < 5):.0%})')
    print(
        f'louder side is the right one in {right:.0%} of {wide.sum()} frames '
        'with the vehicle more than 5 degrees off the middle')


if __name__ == '__main__':
    main()
