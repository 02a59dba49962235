"""CPU time of ``project_depth`` against plain numpy with ``np.lexsort``.

A seeded scan of 64 lines and 120 000 points, all around a street with house
fronts and cars, is projected into a KITTI image. The opponent projects every
point in float64, drops those outside of the image, sorts the rest by pixel
and depth with ``np.lexsort`` and keeps the first of each pixel. Both must
give the same depth map, bit by bit.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/lidar_projection.py``
"""
import argparse
import statistics
from functools import partial

import numpy as np
from interleaved import interleave, ratio

from mmxkd.formats.kitti import KittiCalibration, project_depth

LINES, COLUMNS = 64, 1875
HEIGHT, WIDTH = 375, 1242
# Shaped like the rig of KITTI: axes swapped, a little tilted and shifted.
CALIBRATION = KittiCalibration(
    P2=np.array([[720., 0, 610, 45], [0, 720, 173, .2], [0, 0, 1, .003]]),
    R0_rect=np.eye(3), Tr_velo_to_cam=np.array([[.005, -.9999875, 0, -.02],
                                                [.0, 0, -1, -.06],
                                                [.9999875, .005, 0, -.3]]))


def street(seed: int = 0) -> np.ndarray:
    """A scan (120000, 4) float32: ground, house fronts and 30 cars."""
    rng = np.random.default_rng(seed)
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
    elevation = np.radians(np.linspace(2, -24.8, LINES))[:, None]
    fronts = rng.uniform(6, 15) / np.maximum(np.abs(np.sin(azimuth)), .08)
    reach = np.broadcast_to(fronts, (LINES, COLUMNS)).copy()
    for middle, distance in zip(rng.uniform(-np.pi, np.pi, 30),
                                rng.uniform(5, 60, 30), strict=True):
        wide = np.abs(azimuth - middle) < 1.5 / distance
        low = np.tan(elevation) * distance < -.2
        np.copyto(reach, np.minimum(reach, distance), where=wide & low)
    ground = 1.73 / np.tan(np.maximum(-elevation, 1e-3))
    reach = np.minimum(reach, ground) + rng.normal(0, .02, reach.shape)
    points = np.stack([
        reach * np.cos(azimuth), reach * np.sin(azimuth),
        reach * np.tan(elevation),
        rng.random(reach.shape)
    ], axis=-1)
    return points.reshape(-1, 4).astype(np.float32)


def with_lexsort(points: np.ndarray, calibration: KittiCalibration,
                 height: int, width: int) -> np.ndarray:
    """The straightforward version: project all, drop, sort, keep the first."""
    xyz = points[:, :3].astype(np.float64)
    homogeneous = np.hstack([xyz, np.ones((len(xyz), 1))])
    camera = homogeneous @ calibration.lidar_to_camera.T
    image = camera @ calibration.P2.T
    column = np.floor(image[:, 0] / image[:, 2]).astype(int)
    row = np.floor(image[:, 1] / image[:, 2]).astype(int)
    keep = ((camera[:, 2] > 0) & (image[:, 2] > 0)
            & (column >= 0) & (column < width) & (row >= 0) & (row < height))
    pixel, depth = row[keep] * width + column[keep], camera[keep, 2]
    order = np.lexsort((depth, pixel))
    pixel, depth = pixel[order], depth[order]
    first = np.append(True, pixel[1:] != pixel[:-1])
    result = np.zeros(height * width, np.float32)
    result[pixel[first]] = depth[first]
    return result.reshape(height, width)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--rounds', type=int, default=51)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    points = street(args.seed)
    steps = {
        function.__name__: partial(function, points, CALIBRATION, HEIGHT,
                                   WIDTH)
        for function in (with_lexsort, project_depth)
    }
    slow, fast = (step() for step in steps.values())
    if not np.array_equal(slow, fast):
        raise SystemExit(f'{np.count_nonzero(slow != fast)} pixels differ')
    seconds = interleave(steps, args.rounds)
    print(f'{len(points)} points, {np.count_nonzero(fast)} pixels hit, the '
          f'same depths; {args.rounds} interleaved rounds')
    for name, values in seconds.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(f'{name:14s} median {1e3 * middle:6.2f} ms CPU '
              f'[{1e3 * low:.2f}, {1e3 * high:.2f}]')
    middle, low, high = ratio(seconds, 'with_lexsort', 'project_depth')
    print(f'with_lexsort ÷ project_depth {middle:.1f} [{low:.1f}, {high:.1f}],'
          ' bar 5')


if __name__ == '__main__':
    main()
