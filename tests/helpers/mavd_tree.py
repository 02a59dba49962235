"""Tiny drives in MAVD's folders: noise, and pictures that show where."""
import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import soundfile

from mmxkd.formats.mavd.layout import (
    MICROPHONES,
    FrameId,
    audio_path,
    picture_path,
)

RATE = 8000
SECONDS = 0.1
DAY, NIGHT = 'drive_day_2020_04_21_15_58_22', 'drive_night_2020_04_22_21_05_01'
SIZE = (24, 60)  # height and width
SPLITS = dict(train=(DAY, 3), val=(NIGHT, 2), test=(DAY, 1))


def frames_of(split: str) -> list[FrameId]:
    """The frames of a split; no two splits share one."""
    drive, count = SPLITS[split]
    code = list(SPLITS).index(split)
    return [
        FrameId(drive, f'1587478{code}{k:02d}_{100_000_000 + k}_0')
        for k in range(count)
    ]


def sounds_of(frame: FrameId) -> np.ndarray:
    """(8, T), of 16 bits as files of wav and flac have them."""
    seed = int(frame.stamp.replace('_', '')) % 2**32
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, .1, (MICROPHONES, round(RATE * SECONDS)))
    return (np.rint(noise.clip(-.9, .9) * 32768) / 32768).astype(np.float32)


def pictures_of(frame: FrameId) -> dict[str, np.ndarray]:
    """The picture of each camera; its columns are told by its values."""
    height, width = SIZE
    x = np.arange(width) + np.zeros((height, 1), int)
    y = np.arange(height)[:, None] + np.zeros(width, int)
    seed = int(frame.stamp.split('_')[0]) % 7
    return dict(
        rgb=np.stack([x, y * 2, np.full_like(x, 100 + seed)],
                     -1).astype(np.uint8),
        thermal=(21000 + 80 * x).astype(np.uint16), depth=cv2.applyColorMap(
            (x * 4).astype(np.uint8), cv2.COLORMAP_JET))


def write_sound(path: Path, sound: np.ndarray, rate: int = RATE) -> None:
    """A file in the form that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate)


def write_frame(root: Path, frame: FrameId, suffix: str = '.wav') -> None:
    """All files of a frame; with ``.pkl``, spectrograms in their place."""
    for camera, picture in pictures_of(frame).items():
        path = root / picture_path(camera, frame, '.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture)
    for k, sound in enumerate(sounds_of(frame)):
        path = root / audio_path(frame, k, suffix)
        if suffix == '.pkl':
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pickle.dumps(spectrogram_of(sound), 4))
        else:
            write_sound(path, sound)


def spectrogram_of(sound: np.ndarray) -> np.ndarray:
    """(80, T) dB of one microphone, as the published pickles have it."""
    import librosa
    power = librosa.feature.melspectrogram(y=sound, sr=RATE, n_fft=512,
                                           hop_length=128, n_mels=20,
                                           pad_mode='reflect')
    return librosa.power_to_db(power, ref=np.max)


def write_tree(root: Path, suffix: str = '.wav') -> Path:
    """All splits, and the true boxes of their frames."""
    root.mkdir(parents=True, exist_ok=True)
    images, boxes = [], []
    for split in SPLITS:
        frames = frames_of(split)
        (root / f'{split}_all.txt').write_text(''.join(f'{frame}\n'
                                                       for frame in frames))
        for frame in frames:
            write_frame(root, frame, suffix)
            images.append(
                dict(id=len(images), file_name=picture_path('rgb', frame),
                     width=SIZE[1], height=SIZE[0], frame_id=str(frame)))
            boxes.append(
                dict(id=len(boxes), image_id=images[-1]['id'], category_id=1,
                     bbox=[10., 4., 20., 10.], area=200., iscrowd=0,
                     instance_id=7))
    (root / 'truth.json').write_text(
        json.dumps(
            dict(images=images, annotations=boxes,
                 categories=[dict(id=1, name='car')])))
    return root
