"""Whether matrices can be those of a rig with a LiDAR and a camera."""
import numpy as np

# Published matrices are rounded: their rows are orthonormal to 1e-6.
_TOLERANCE = 1e-3
#: Metres between two sensors of one car, or a unit that is not the metre.
FARTHEST = 100.
#: How far two focal lengths may differ, relative to each other.
_UNEQUAL = 1e-3


def rotation_fault(matrix: np.ndarray) -> str | None:
    """Why a matrix does not turn and shift a point.

    Args:
        matrix (np.ndarray): (3, 3), (3, 4) or (4, 4), finite.

    Returns:
        str | None: E.g. that it is a reflection; None for a rotation.

    Examples:
        >>> rotation_fault(np.diag([1., 1., -1.]))
        'holds a reflection, not a rotation: its determinant is -1'
    """
    rotation = matrix[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), rtol=0,
                       atol=_TOLERANCE):
        return ('holds no rotation: its rows are not of length 1 and at '
                'right angles')
    if np.linalg.det(rotation) < 0:
        return 'holds a reflection, not a rotation: its determinant is -1'
    shift = np.abs(matrix[:3, 3:])
    if shift.size and shift.max() > FARTHEST:
        return (f'shifts by {shift.max():g}, expected metres below '
                f'{FARTHEST:.0f}')
    if len(matrix) == 4 and not np.array_equal(matrix[3], [0, 0, 0, 1]):
        return 'does not end in the row 0 0 0 1'
    return None


def projection_fault(matrix: np.ndarray) -> str | None:
    """Why a matrix does not project points of a rectified camera frame.

    Args:
        matrix (np.ndarray): (3, 4), finite: ``[f 0 u tx; 0 f v ty; 0 0 1
            tz]``.

    Returns:
        str | None: None for a projection.

    Examples:
        >>> projection_fault(np.zeros((3, 4)))
        'is 0 in all places'
    """
    if not matrix.any():
        return 'is 0 in all places'
    if not np.allclose(matrix[2, :3], [0, 0, 1], rtol=0, atol=_TOLERANCE):
        return ('is not the projection of a rectified camera: its last row '
                f'begins with {matrix[2, :3].tolist()}, expected 0 0 1')
    if not (matrix[0, 0] > 0 and matrix[1, 1] > 0):
        return (f'has the focal lengths {matrix[0, 0]:g} and '
                f'{matrix[1, 1]:g}, expected pixels above 0')
    if abs(matrix[2, 3]) > FARTHEST:
        return (f'shifts by {matrix[2, 3]:g}, expected metres below '
                f'{FARTHEST:.0f}')
    return None


def square_pixel_fault(matrix: np.ndarray) -> str | None:
    """Why a projection is not that of square pixels without skew.

    Args:
        matrix (np.ndarray): (3, 3) or larger, finite.

    Returns:
        str | None: None for square pixels.

    Examples:
        >>> square_pixel_fault(np.diag([700., 700., 1.]))
        >>> square_pixel_fault(np.diag([700., 600., 1.]))
        'has a skew of 0 and focal lengths 700 and 600; expected no skew, and \
two equal lengths above 0: pixels are taken to be square'
    """
    focal = float(matrix[0, 0]), float(matrix[1, 1])
    if not matrix[0, 1] and min(focal) > 0 and np.isclose(
            *focal, rtol=_UNEQUAL, atol=0):
        return None
    return (f'has a skew of {matrix[0, 1]:g} and focal lengths {focal[0]:g} '
            f'and {focal[1]:g}; expected no skew, and two equal lengths above '
            '0: pixels are taken to be square')
