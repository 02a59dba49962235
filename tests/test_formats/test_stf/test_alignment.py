import cv2
import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.formats.stf.alignment import (
    LEFT_SIZE,
    frame_to_camera,
    gated_to_left,
    image_scale,
    transform_points,
    warp_image,
    warp_to_frame,
)

# (640, 360) -> stretched to 1310x768: (655, 384) -> by the matrix, by hand:
#   w = 5.69e-6 * 655 + 2.79e-6 * 384 + 1          =   1.00479831
#   x = (1.00345454 * 655 + 0.02030196 * 384 - 14.97230719) / w = 646.981949
#   y = (-0.00398314 * 655 + 0.96515739 * 384 + 23.85587054) / w = 389.996030
# -> plus the offset of the crop, (280, 202).
GATED_POINT = np.array([[640.0, 360.0]])
LEFT_POINT = np.array([[926.981949, 591.996030]])


def test_gated_point_goes_to_the_hand_computed_left_point():
    assert transform_points(gated_to_left(), GATED_POINT) == pytest.approx(
        LEFT_POINT, abs=1e-5)


def test_left_point_comes_back():
    back = transform_points(np.linalg.inv(gated_to_left()), LEFT_POINT)
    assert back == pytest.approx(GATED_POINT, abs=1e-5)


def test_gated_frame_maps_to_both_cameras():
    # The gated frame is the gated image stretched in y by 768 / 720.
    point = np.array([[640.0, 384.0]])
    to_gated = frame_to_camera('gated', 'homography', 'gated')
    to_left = frame_to_camera('gated', 'homography', 'left')
    assert transform_points(to_gated, point) == pytest.approx(GATED_POINT)
    assert transform_points(to_left,
                            point) == pytest.approx(LEFT_POINT, abs=1e-5)


def test_rgb_frame_maps_to_both_cameras():
    point = LEFT_POINT - (280, 202)
    to_gated = frame_to_camera('rgb', 'homography', 'gated')
    to_left = frame_to_camera('rgb', 'homography', 'left')
    assert transform_points(to_gated,
                            point) == pytest.approx(GATED_POINT, abs=1e-5)
    assert transform_points(to_left, point) == pytest.approx(LEFT_POINT)


@pytest.mark.parametrize('frame', ['gated', 'rgb'])
def test_crop_only_neither_turns_nor_bends(frame):
    point = np.array([[100.0, 96.0]])
    to_gated = frame_to_camera(frame, 'crop', 'gated')
    to_left = frame_to_camera(frame, 'crop', 'left')
    assert transform_points(to_gated, point).tolist() == [[100.0, 90.0]]
    assert transform_points(to_left, point).tolist() == [[380.0, 298.0]]


def test_unknown_frame_offers_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'gated'"):
        frame_to_camera('gate', 'homography', 'left')


def test_crop_at_full_size_copies_pixels():
    image = np.random.default_rng(0).integers(0, 256, (1024, 1920, 3),
                                              dtype=np.uint8)
    matrix = frame_to_camera('gated', 'crop', 'left')
    cropped = warp_to_frame(image, matrix, 1.0, (1280, 768))
    assert np.array_equal(cropped, image[202:970, 280:1560])


def test_stretched_gated_keeps_depth_and_matches_a_plain_resize():
    image = np.random.default_rng(0).integers(0, 1024, (180, 320),
                                              dtype=np.uint16)
    image = cv2.GaussianBlur(image, (0, 0), 2)
    matrix = frame_to_camera('gated', 'homography', 'gated')
    frame = warp_to_frame(image, matrix, 0.25, (320, 192))
    plain = cv2.resize(image, (320, 192), interpolation=cv2.INTER_LINEAR)
    assert frame.dtype == np.uint16
    inner = np.s_[2:-2]
    # warpPerspective interpolates in steps of 1/32 pixel.
    assert np.abs(frame[inner].astype(int) - plain[inner]).max() <= 4


def test_warp_meets_the_mapped_point():
    # A white block around the left point lands on the frame's point.
    image = np.zeros((256, 480), np.uint8)
    x, y = LEFT_POINT[0] / 4
    image[int(y) - 2:int(y) + 3, int(x) - 2:int(x) + 3] = 255
    matrix = frame_to_camera('gated', 'homography', 'left')
    frame = warp_to_frame(image, matrix, 0.25, (320, 192)).astype(float)
    rows, columns = np.mgrid[:192, :320] + .5
    centre = [(frame * columns).sum() / frame.sum(),
              (frame * rows).sum() / frame.sum()]
    expected = [640 / 4 + (int(x) + .5 - x), 384 / 4 + (int(y) + .5 - y)]
    assert centre == pytest.approx(expected, abs=0.1)


def test_warp_is_zero_outside():
    image = np.full((4, 4), 200, np.uint8)
    shifted = warp_image(image, np.array([[1., 0, 10], [0, 1, 0], [0, 0, 1]]),
                         (4, 4))
    assert not shifted.any()


def test_smaller_output_is_averaged():
    # One-pixel stripes: a bilinear sample would alias, the mean is 100.
    image = np.zeros((720, 1280), np.uint8)
    image[:, ::2] = 200
    matrix = frame_to_camera('gated', 'homography', 'gated')
    frame = warp_to_frame(image, matrix, 1.0, (320, 192))
    assert np.abs(frame[:, 2:-2].astype(int) - 100).max() <= 1


def test_non_uniform_scale_is_refused():
    assert image_scale(960, 512, LEFT_SIZE) == 0.5
    with pytest.raises(ConfigError, match='960x500 .* uniformly'):
        image_scale(960, 500, LEFT_SIZE)
