import numpy as np
import pytest

from mmxkd.formats.kitti.difficulty import GRADES, TOO_HARD, grade


@pytest.mark.parametrize('height, occluded, truncated, expected',
                         [(40.01, 0, 0.15, 'easy'), (40.0, 0, 0.0, 'moderate'),
                          (100.0, 0, 0.1501, 'moderate'),
                          (100.0, 1, 0.0, 'moderate'),
                          (25.01, 1, 0.30, 'moderate'),
                          (100.0, 2, 0.0, 'hard'), (100.0, 0, 0.31, 'hard'),
                          (25.01, 2, 0.50, 'hard'), (25.0, 0, 0.0, None),
                          (100.0, 3, 0.0, None), (100.0, 0, 0.51, None)])
def test_limits(height, occluded, truncated, expected):
    found = grade(np.array([[5., 10., 20., 10. + height]]),
                  np.array([occluded]), np.array([truncated]))
    assert found.tolist() == [
        TOO_HARD if expected is None else GRADES.index(expected)
    ]


def test_no_object():
    assert grade(np.empty((0, 4)), np.empty(0), np.empty(0)).shape == (0, )
