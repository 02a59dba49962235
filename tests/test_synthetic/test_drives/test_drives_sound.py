"""What the microphones of a drive hear."""
from dataclasses import replace

import numpy as np
import pytest

from mmxkd.synthetic import DriveSettings
from mmxkd.synthetic.drives.rig import microphone_places
from mmxkd.synthetic.drives.sampler import sample_drive
from mmxkd.synthetic.drives.sound import clip_length, clip_start, record_drive
from mmxkd.synthetic.sensors.sound_noise import SoundNoise
from mmxkd.synthetic.worlds.shapes import moved
from tests.helpers.beamformer import (
    VIEW,
    directions,
    errors_of,
    steered_power,
)

SETTINGS = DriveSettings(train=10, val=2, test=2, frames=2)
QUIET = replace(SETTINGS, noise=SoundNoise(own=-60.0, wind=-60.0))


@pytest.fixture
def alone():
    """A drive that stands, with one vehicle at a place."""
    drive = next(d for d in (sample_drive(SETTINGS, k) for k in range(10))
                 if d.place == 'square' and d.vehicles)
    vehicle = drive.vehicles[0]

    def at(x, z, velocity=(0, 0, 0)):
        way = np.array([x, vehicle.thing.position[1], z])
        return replace(
            drive, vehicles=(replace(
                vehicle, velocity=np.array(velocity, float),
                thing=moved(vehicle.thing, way - vehicle.thing.position)), ))

    return at


@pytest.mark.parametrize('degrees', [-35, -10, 0, 20, 38])
def test_a_beam_former_points_at_the_vehicle(alone, degrees):
    angle = np.deg2rad(degrees)
    drive = alone(15 * np.sin(angle), 15 * np.cos(angle))
    sound = record_drive(drive, SETTINGS)[:, :clip_length(SETTINGS)]
    power = steered_power(sound.astype(float), 16000, microphone_places(),
                          VIEW)
    assert np.rad2deg(VIEW[power.argmax()]) == pytest.approx(degrees, abs=2.5)


def test_it_is_heard_where_it_is_in_the_middle_of_the_clip(alone):
    """The picture is taken there; 10 m/s at 15 m are 38 degrees a second."""
    drive = alone(-2.0, 15.0, (10.0, 0.0, 0.0))
    sound = record_drive(drive, SETTINGS).astype(float)
    for frame in (0, 1):
        start = clip_start(frame, SETTINGS)
        clip = sound[:, start:start + clip_length(SETTINGS)]
        power = steered_power(clip, 16000, microphone_places(), VIEW)
        true = np.arctan2(-2.0 + 10 * .2 * frame, 15.0)
        # Sound is 44 ms on its way, in which it drives on by 1.7 degrees.
        assert np.rad2deg(VIEW[power.argmax()] - true) == pytest.approx(
            -1.7, abs=2)


def test_mirrored_drives_are_heard_by_mirrored_microphones(alone):
    one, other = (record_drive(alone(x, 14.0), QUIET).astype(float)
                  for x in (9.0, -9.0))
    swapped = other[[0, 7, 6, 5, 4, 3, 2, 1]]
    np.testing.assert_allclose(one, swapped, atol=1)
    assert np.abs(one - other).max() > 50


def test_near_is_loud(alone):
    loud = [
        np.sqrt(np.mean(record_drive(alone(0, z), QUIET).astype(float)**2))
        for z in (8.0, 32.0)
    ]
    # 12 dB, more or less what the ground's mirror does.
    assert 20 * np.log10(loud[0] / loud[1]) == pytest.approx(12, abs=3)


def test_without_vehicles_there_is_noise_alone(alone):
    nobody = replace(alone(0, 9), vehicles=())
    sound = record_drive(nobody, SETTINGS).astype(float)
    apart = np.corrcoef(np.diff(sound)) - np.eye(8)
    assert sound.std() > 0 and np.abs(apart).max() < .05
    near = record_drive(alone(0, 9), SETTINGS).astype(float)
    # The wind is slow.
    assert np.diff(near).std() > 5 * np.diff(sound).std()


def test_the_own_car_is_heard_when_it_drives():
    drive = next(d for d in (sample_drive(SETTINGS, k) for k in range(10))
                 if d.place == 'road')
    alone, parked = (record_drive(
        replace(drive, vehicles=(),
                own=replace(drive.own, velocity=drive.own.velocity * moving)),
        QUIET) for moving in (1, 0))
    assert alone.std() > 20 * max(parked.std(), .1)


def test_directions_of_a_written_set(written_drives):
    """On all frames with vehicles in sight, others beside the picture: far
    better than the sound of another frame."""
    root, _, _ = written_drives
    frames = sum(
        (directions(root, split) for split in ('train', 'val', 'test')), [])
    found = np.array([frame.found for frame in frames])
    assert len(frames) >= 8
    assert np.median(errors_of(frames, found)) < 3
    # Day and night of two drives: nothing but chance is alike.
    assert np.median(errors_of(frames, np.roll(found, len(found) // 2))) > 5
