"""What the microphones of a drive hear."""
import io
import wave

import numpy as np

from mmxkd.synthetic.sensors.microphones import (
    Motion,
    SoundSource,
    hear,
)
from mmxkd.synthetic.sensors.sound_noise import (
    NOISE_STREAM,
    add_noise,
    sixteen_bits,
)
from mmxkd.synthetic.worlds.vehicle_sounds import vehicle_sound

from .rig import ENGINE_PLACE, drive_microphones
from .sampler import Drive
from .settings import DriveSettings

SOURCE_STREAM = 9
OVERSAMPLING = 2
"""Samples of a source for each one of a microphone."""
OWN_GAIN = 10**(-15 / 20)
"""The body of the own car keeps 15 dB of its engine and tyres from its roof.
"""
# Seconds that sound needs for the farthest way.
_FARTHEST_DELAY = 0.5


def record_drive(drive: Drive, settings: DriveSettings) -> np.ndarray:
    """All sound of a drive, from half a clip before its first frame on.

    Args:
        drive (Drive): The drive.
        settings (DriveSettings): Of the data set.

    Returns:
        np.ndarray: (8, T) int16.
    """
    rate = settings.sample_rate
    number = (clip_start(settings.frames - 1, settings)
              + clip_length(settings))
    begin = -settings.duration / 2
    rig = drive_microphones(drive.own)
    heard = hear(_sources(drive, settings, begin, number / rate), rig, rate,
                 begin, number)
    wind = drive.wind + float(np.linalg.norm(drive.own.velocity))
    noisy = add_noise(heard, drive.rng(NOISE_STREAM), rate, wind,
                      settings.noise)
    return sixteen_bits(noisy, settings.noise.full_scale)


def _sources(drive: Drive, settings: DriveSettings, begin: float,
             seconds: float) -> list[SoundSource]:
    rate = OVERSAMPLING * settings.sample_rate
    number = int((seconds + _FARTHEST_DELAY) * rate)
    start = begin - _FARTHEST_DELAY
    rng = drive.rng(SOURCE_STREAM)
    sources = [
        SoundSource(vehicle.motion, vehicle.sound.emit(rng, rate, number),
                    rate, start) for vehicle in drive.vehicles
    ]
    own = drive.own
    speed = float(np.linalg.norm(own.velocity))
    if speed:
        sound = vehicle_sound(rng, 'car', speed).emit(rng, rate, number)
        place = Motion(own.start + ENGINE_PLACE, own.velocity)
        sources.append(SoundSource(place, OWN_GAIN * sound, rate, start))
    return sources


def clip_length(settings: DriveSettings) -> int:
    """Samples of the sound of a frame."""
    return round(settings.duration * settings.sample_rate)


def clip_start(frame: int, settings: DriveSettings) -> int:
    """First sample of a frame's sound in that of its drive."""
    return round(frame * settings.interval * settings.sample_rate)


def encode_wav(samples: np.ndarray, rate: int) -> bytes:
    """Bytes of a mono wav file of int16 samples (T, )."""
    buffer = io.BytesIO()
    with wave.open(buffer, 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype('<i2').tobytes())
    return buffer.getvalue()
