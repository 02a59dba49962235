"""Whether numbers can be a LiDAR scan of KITTI, and what else they may be."""
import numpy as np

#: Metres; the scanner of KITTI sees 120 m.
FARTHEST = 1000.
#: Metres; no scan lies within.
NEAREST = .01
# Of the reflectance, 0..1: what rounding may add.
_SLACK = 1e-3
_MAGICS = {
    b'\x93NUMPY': 'an .npy file (numpy.save writes a header; '
    'ndarray.tofile does not)',
    b'PK\x03\x04': 'an .npz or .zip file',
    b'# .PCD': 'a .pcd file',
    b'ply\n': 'a .ply file',
    b'VERSION': 'a .pcd file',
}
# What others write in place of x, y, z, reflectance as float32.
_LAYOUTS = (('<f8', 4, 'float64 with 4 columns'), ('<f4', 5, 'float32 with 5 '
                                                   'columns, as nuScenes'),
            ('<f4', 6, 'float32 with 6 columns'), ('<f4', 3, 'float32 with 3 '
                                                   'columns'),
            ('<f8', 3, 'float64 with 3 columns'), ('<f2', 4, 'float16 with 4 '
                                                   'columns'),
            ('>f4', 4, 'big-endian float32 with 4 columns'))

# Fewer points look like anything.
_FEW = 16


def is_other_format(content: bytes) -> bool:
    """Whether a file says that it is of a format with a header."""
    return content.startswith(tuple(_MAGICS))


def layout_hint(content: bytes) -> str:
    """What the bytes of a scan look like, as the end of a sentence.

    Args:
        content (bytes): Of a file that is not a scan of KITTI.

    Returns:
        str: E.g. ``'; it looks like float64 with 4 columns'``, or ``''``.
    """
    for magic, name in _MAGICS.items():
        if content.startswith(magic):
            return f'; it looks like {name}'
    for dtype, columns, name in _LAYOUTS:
        size = np.dtype(dtype).itemsize * columns
        if len(content) < _FEW * size or len(content) % size:
            continue
        numbers = np.frombuffer(content, dtype).reshape(-1, columns)
        with np.errstate(invalid='ignore', over='ignore'):
            likely = _is_scan(numbers.astype(np.float64))
        if likely:
            return f'; it looks like {name}'
    return ''


def _is_scan(numbers: np.ndarray) -> bool:
    xyz, rest = numbers[:, :3], numbers[:, 3:]
    if not np.isfinite(numbers).all() or np.abs(xyz).max() > FARTHEST:
        return False
    # Intensities of others go to 255; a coordinate falls below 0.
    if rest.size and (rest[:, 0].min() < 0 or rest[:, 0].max() > 255):
        return False
    # Wrong columns and words give numbers without a spread, or next to none.
    spread = np.median(np.abs(xyz), axis=0)
    return bool((spread > 1e-2).sum() >= 2 and spread.max() > .1)


def scan_fault(points: np.ndarray) -> str | None:
    """Why points are not a scan.

    Args:
        points (np.ndarray): (N, 4) float32, N > 0: x, y, z in metres and
            the reflectance.

    Returns:
        str | None: None for a scan that is plausible. Otherwise NaN or Inf, a
        coordinate beyond :data:`FARTHEST`, a reflectance outside of 0..1, or
        nothing beyond :data:`NEAREST`.
    """
    low, high = _range(points)
    # NaN passes through both; and a comparison with it is false.
    farthest = float(max(-low[:3].min(), high[:3].max()))
    if (farthest <= FARTHEST and float(low[3]) >= -_SLACK
            and float(high[3]) <= 1 + _SLACK):
        if farthest > NEAREST:
            return None
        if low.any() or high.any():
            return (f'all {len(points)} points lie within {NEAREST} m of the '
                    'scanner')
        return f'all {len(points)} points are 0'
    return _describe(points)


def _range(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest of each column, NaN where there is one."""
    # Rows of 256 numbers: numpy is 10 times as fast as on rows of 4.
    whole = len(points) // 64 * 64
    parts = [points[whole:]]
    if whole:
        blocks = points[:whole].reshape(-1, 256)
        parts += [
            blocks.min(axis=0).reshape(64, 4),
            blocks.max(axis=0).reshape(64, 4)
        ]
    both = np.concatenate(parts)
    return both.min(axis=0), both.max(axis=0)


def _describe(points: np.ndarray) -> str:
    finite = np.isfinite(points).all(axis=1)
    with np.errstate(invalid='ignore'):
        far = (np.abs(points[:, :3]) > FARTHEST).any(axis=1)
        bright = (points[:, 3] < -_SLACK) | (points[:, 3] > 1 + _SLACK)
    for bad, what in ((~finite, 'NaN or Inf'),
                      (far, f'coordinates beyond {FARTHEST:.0f} m'),
                      (bright, 'a reflectance outside of 0..1')):
        if bad.any():
            first = int(bad.argmax())
            return (f'{what} in {bad.sum()} of {len(points)} points, the '
                    f'first of them number {first}: {points[first].tolist()}')
    raise AssertionError('a fault was found, and none is there')
