import numpy as np
import pytest

from mmxkd.synthetic import (
    SceneDifficulty,
    apply_fog,
    canvas_camera,
    rasterize,
    render_rgb,
    sample_scene,
)
from mmxkd.synthetic.sensors.rgb import expose, headlight_irradiance

QUIET = SceneDifficulty(rgb_full_well=1e9, rgb_read_noise=0.0)


def test_fog_of_a_hand_computed_pixel():
    # t = exp(-0.05 * 30) = 0.22313016; I = J t + A (1 - t):
    #   red   0.1 * 0.22313016 + 0.8 * 0.77686984 = 0.64380889
    #   green 0.5 * 0.22313016 + 0.8 * 0.77686984 = 0.73306095
    #   blue  0.9 * 0.22313016 + 0.6 * 0.77686984 = 0.66693905
    foggy = apply_fog(np.array([[[.1, .5, .9]]], np.float32),
                      np.array([[30.0]]), .05, (.8, .8, .6))
    assert foggy[0, 0] == pytest.approx([.64380889, .73306095, .66693905],
                                        abs=1e-6)


def test_fog_ends_at_the_airlight_and_begins_at_the_surface():
    radiance = np.full((1, 2, 3), .3, np.float32)
    foggy = apply_fog(radiance, np.array([[0.0, 1e4]]), .05, (.7, .6, .5))
    assert foggy[0, 0] == pytest.approx([.3, .3, .3], abs=1e-6)
    assert foggy[0, 1] == pytest.approx([.7, .6, .5], abs=1e-6)


def test_headlights_fall_with_the_distance_and_above_the_horizon():
    camera = canvas_camera(0.125)
    width, height = camera.size
    level = [
        headlight_irradiance(camera, np.full((height, width), d, np.float32),
                             0.01, 0.5) for d in (10.0, 20.0)
    ]
    row, column = int(camera.centre[1]) + 20, int(camera.centre[0])
    # 2^-1.6 from the spreading, exp(-0.1) from the haze.
    assert level[1][row, column] / level[0][row, column] == pytest.approx(
        2**-1.6 * np.exp(-.1), rel=1e-4)
    assert level[0][row, column] == pytest.approx(0.5 * np.exp(-.1), rel=.05)
    assert level[0][2, column] < 0.2 * level[0][row, column]


def test_exposure_without_noise_is_the_tone_curve():
    # By day white is 1.25: (0.25 / 1.25)^(1 / 2.2) * 255 = 122.7.
    radiance = np.array([[[.25, 1.25, 0.0]]], np.float32)
    image = expose(radiance, np.random.default_rng(0), 'day', QUIET)
    assert image.tolist() == [[[0, 255, 123]]]  # blue, green, red
    # By night white is 1 / 6.
    image = expose(radiance / 7.5, np.random.default_rng(0), 'night', QUIET)
    assert image.tolist() == [[[0, 255, 123]]]


def test_noise_has_the_variance_of_its_electrons():
    # 0.4 of 3000 electrons: sigma = sqrt(1200 + 6^2) = 35.2; the slope of
    # the tone curve at 0.32 of white turns them into grey levels.
    radiance = np.full((400, 400, 3), .4, np.float32)
    image = expose(radiance, np.random.default_rng(0), 'day',
                   SceneDifficulty())
    sigma = np.sqrt(1200 + 36) / (1.25 * 3000)
    slope = 255 / 2.2 * .32**(1 / 2.2 - 1)
    assert image.std() == pytest.approx(sigma * slope, rel=.03)


def test_fog_hides_the_far_pedestrians_in_rgb():
    camera = canvas_camera(0.125)
    clear, dense = (SceneDifficulty(weather_mix={w: 1.0}, night_share=0.0,
                                    rgb_full_well=1e9, rgb_read_noise=0.0)
                    for w in ('clear', 'dense_fog'))
    contrast = []
    for difficulty in (clear, dense):
        scene = sample_scene(5, 0, difficulty)
        surfaces = rasterize(scene, camera)
        image = render_rgb(scene, surfaces, camera, difficulty)
        assert image.shape == (128, 240, 3) and image.dtype == np.uint8
        # The horizon lies at row 508 of 1024; there everything is far.
        contrast.append(image[50:66].astype(float).std())
    assert contrast[1] < .5 * contrast[0]
