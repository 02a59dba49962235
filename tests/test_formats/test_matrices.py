import cv2
import numpy as np
import pytest

from mmxkd.formats.matrices import projection_fault, rotation_fault

P2 = np.array([[707., 0, 604, 45.7], [0, 706., 180, -.35], [0, 0, 1, .005]])
TURN = cv2.Rodrigues(np.array([.3, -1.2, .7]))[0]


def pose(rotation=TURN, shift=(.3, -.1, 2.), rows=3):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, shift
    return matrix[:rows]


@pytest.mark.parametrize('matrix', [TURN, pose(), pose(rows=4), np.eye(3)])
def test_rotations(matrix):
    assert rotation_fault(matrix) is None


@pytest.mark.parametrize(
    'matrix, fault', [(np.zeros((3, 3)), 'no rotation'),
                      (2 * TURN, 'no rotation'),
                      (TURN @ np.diag([1, 1, -1]), 'a reflection'),
                      (-TURN, 'a reflection'),
                      (pose(shift=(0, 300, 0)), 'shifts by 300'),
                      (np.vstack([pose(), [0, 0, 1, 1]]), 'the row 0 0 0 1')])
def test_what_is_not_a_rotation(matrix, fault):
    assert fault in rotation_fault(matrix)


def test_projections():
    assert projection_fault(P2) is None
    assert projection_fault(np.eye(3, 4)) is None


@pytest.mark.parametrize(
    'matrix, fault',
    [(np.zeros((3, 4)), 'is 0 in all places'),
     (P2[[1, 0, 2]], 'has the focal lengths 0 and 0'),
     (P2 * [[-1], [1], [1]], 'has the focal lengths -707 and 706'),
     (P2[[0, 2, 1]], 'its last row begins with'),
     (P2 * 2, 'its last row begins with'),
     (np.vstack([P2[:2], [0, 0, 1, 4000]]), 'shifts by 4000')])
def test_what_is_not_a_projection(matrix, fault):
    assert fault in projection_fault(matrix)
