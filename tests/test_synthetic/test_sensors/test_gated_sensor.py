from dataclasses import replace

import numpy as np
import pytest

from mmxkd.synthetic import (
    SceneDifficulty,
    canvas_camera,
    range_profile,
    rasterize,
    render_gated,
    sample_scene,
)
from mmxkd.synthetic.sensors.gated import PROFILES

DENSE = SceneDifficulty(weather_mix={'dense_fog': 1.0}, night_share=1.0)
CAMERA = canvas_camera(0.125)


def test_trapezoid_by_hand():
    # The second slice: rises 14..26, full to 38, falls to 54.
    depth = np.array([13.0, 14.0, 17.0, 26.0, 38.0, 42.0, 54.0, 1e4])
    assert range_profile(depth, PROFILES[1]) == pytest.approx(
        [0, 0, .25, 1, 1, .75, 0, 0])


def test_slices_overlap_and_leave_no_gap():
    depth = np.arange(6.0, 76.0)
    shares = np.stack([range_profile(depth, p) for p in PROFILES])
    assert shares.max(0).min() > .3
    assert np.any((shares[0] > 0) & (shares[1] > 0))
    assert np.any((shares[1] > 0) & (shares[2] > 0))


def _slices(difficulty, index=0):
    scene = sample_scene(5, index, difficulty)
    surfaces = rasterize(scene, CAMERA)
    slices = render_gated(scene, surfaces, CAMERA, difficulty)
    left, top = CAMERA.offset
    crop = np.s_[top:top + 90, left:left + 160]
    return scene, surfaces, slices, crop


def test_slices_are_ten_bit():
    _, _, slices, _ = _slices(DENSE)
    assert len(slices) == 3
    for image in slices:
        assert image.shape == (90, 160) and image.dtype == np.uint16
        assert image.max() <= 1023


def test_each_slice_sees_its_distances_alone():
    quiet = replace(DENSE, gated_noise=0.0, gated_backscatter=0.0)
    _, surfaces, slices, crop = _slices(quiet)
    depth = surfaces.depth[crop]
    for (begin, _, _, end), image in zip(PROFILES, slices, strict=True):
        beyond = (depth < begin) | (depth > end)
        # Nothing but the black level (12) comes from outside of the gate.
        assert beyond.any() and image[beyond].max() <= 12
        assert image[~beyond].max() > 60


def test_slices_see_through_fog_where_rgb_does_not():
    """Signal of a pedestrian at 45 m in dense fog against the noise."""
    beta, reflectance = .05, .5
    gated = 1300 * reflectance * np.sqrt(25 / 45) * np.exp(
        -2 * DENSE.gated_extinction * beta * 45)
    gated_noise = np.hypot(DENSE.gated_noise, np.sqrt(.8 * gated))
    # RGB: a dark coat against the fog, in electrons.
    seen = DENSE.rgb_full_well * .6
    rgb = seen * np.exp(-beta * 45)
    rgb_noise = np.sqrt(seen + DENSE.rgb_read_noise**2)
    assert gated / gated_noise > 1.5 * rgb / rgb_noise


def test_noise_is_seeded():
    first, second = _slices(DENSE)[2], _slices(DENSE)[2]
    assert all(map(np.array_equal, first, second))
    assert not np.array_equal(first[0], _slices(DENSE, 1)[2][0])
