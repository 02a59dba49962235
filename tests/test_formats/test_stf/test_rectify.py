import json

import cv2
import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.stf.rectify import rectify


def _calibration(path, distortion=0.0, focal=100.0, **changes):
    info = {
        'width': 80, 'height': 60, 'D': [distortion, 0, 0, 0, 0],
        'K': [100, 0, 40, 0, 100, 30, 0, 0, 1],
        'R': [1, 0, 0, 0, 1, 0, 0, 0, 1],
        'P': [focal, 0, 40, 0, 0, focal, 30, 0, 0, 0, 1, 0], **changes
    }
    path.write_text(json.dumps(info), encoding='utf-8')
    return path


def test_ideal_camera_changes_nothing(tmp_path):
    image = np.random.default_rng(0).integers(0, 1024, (60, 80), np.uint16)
    out = rectify(image, _calibration(tmp_path / 'c.json'))
    assert np.array_equal(out, image)


def test_barrel_distortion_is_undone(tmp_path):
    # A point at r = 0.3 is seen at 0.3 (1 - 0.5 * 0.3^2) = 0.2865 of the
    # focal length: at column 40 + 28.65.
    image = np.zeros((60, 80), np.float32)
    image[27:34, :] = np.arange(80)
    out = rectify(image, _calibration(tmp_path / 'c.json', distortion=-.5))
    # OpenCV counts the columns from the first pixel's centre.
    assert out[30, 70] == pytest.approx(68.65, abs=.05)
    assert out[30, 40] == pytest.approx(40, abs=.05)


def test_wrong_size_names_the_calibration(tmp_path):
    path = _calibration(tmp_path / 'c.json')
    with pytest.raises(CorruptSampleError, match='80x60 pixels, found 40x30'):
        rectify(np.zeros((30, 40), np.uint8), path)


def test_missing_file_and_missing_entry(tmp_path):
    image = np.zeros((60, 80), np.uint8)
    with pytest.raises(CorruptSampleError, match='raw images need it'):
        rectify(image, tmp_path / 'none.json')
    path = tmp_path / 'c.json'
    path.write_text('{"width": 80, "height": 60}', encoding='utf-8')
    with pytest.raises(CorruptSampleError, match="cannot be read.*'K'"):
        rectify(image, path)


def test_maps_agree_with_opencv_undistortion(tmp_path):
    image = cv2.GaussianBlur(
        np.random.default_rng(0).random((60, 80)).astype(np.float32), (0, 0),
        3)
    path = _calibration(tmp_path / 'c.json', distortion=.27)
    camera = np.array([[100, 0, 40], [0, 100, 30], [0, 0, 1.0]])
    slow = cv2.undistort(image, camera, np.array([.27, 0, 0, 0, 0]))
    inner = np.s_[5:-5, 5:-5]
    assert np.abs(rectify(image, path)[inner] - slow[inner]).max() < 2e-3


@pytest.mark.parametrize('change, message', [
    (dict(K=[0] * 9), 'K is 0 in all places'),
    (dict(P=[-100, 0, 40, 0, 0, 100, 30, 0, 0, 0, 1, 0]), 'P has the focal'),
    (dict(R=[1, 0, 0, 0, 1, 0, 0, 0, -1]), 'R holds a reflection'),
    (dict(D=[0, float('nan'), 0, 0, 0]), 'D holds NaN'),
    (dict(D=[0, 0, 0]), 'D has 3 numbers'),
    (dict(width=0), 'expected width and height'),
    (dict(width='80'), 'expected width and height'),
    (dict(width=60_000, height=60_000), 'expected width and height'),
])
def test_numbers_that_no_camera_has(tmp_path, change, message):
    path = _calibration(tmp_path / 'c.json', **change)
    with pytest.raises(CorruptSampleError, match=f'c.json: {message}'):
        rectify(np.zeros((60, 80), np.uint8), path)


def test_json_that_is_nested_too_deep(tmp_path):
    (tmp_path / 'c.json').write_text('[' * 100_000)
    with pytest.raises(CorruptSampleError, match='c.json.*too deep'):
        rectify(np.zeros((60, 80), np.uint8), tmp_path / 'c.json')
