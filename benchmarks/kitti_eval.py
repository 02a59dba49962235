"""Time of tools/analysis_tools/kitti_eval.py on a set of KITTI's size.

Draws 3769 frames with 33 detections each, seeded, in the official layout, then
runs the whole command (start and reading included), strict alone and strict
with loose in turn, and prints the time of each stage.

Usage: ``python benchmarks/kitti_eval.py [--rounds 5] [--keep FOLDER]``
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti import (
    KittiObjects,
    read_labels,
    read_results,
    write_labels,
    write_results,
)

FRAMES, DETECTIONS = 3769, 33
COMMAND = Path(__file__).parents[1] / 'tools/analysis_tools/kitti_eval.py'
# Height, width and length of each class, and its share of all labels.
KINDS = {
    'Car': (1.53, 1.63, 3.88, .5), 'Pedestrian': (1.76, .66, .84, .15),
    'Cyclist': (1.74, .6, 1.76, .1), 'Van': (2.2, 1.9, 5., .07),
    'Truck': (3.2, 2.6, 10., .03), 'DontCare': (1.5, 2., 4., .15)
}
PROTOCOLS = {'strict': ('strict', ), 'strict and loose': ('strict', 'loose')}
BARS = {'strict': 2.3, 'strict and loose': 4.0}


def place(rng: np.random.Generator, kind: np.ndarray) -> dict:
    """Objects of these kinds on the road."""
    table = np.array(list(KINDS.values()))[:, :3]
    z = rng.uniform(5, 70, len(kind))
    return dict(
        dimensions=table[kind] * rng.normal(1, .05, (len(kind), 1)),
        location=np.column_stack([
            rng.uniform(-.6, .6, len(kind)) * z,
            rng.normal(1.65, .1, len(kind)), z
        ]), rotation_y=rng.uniform(-np.pi, np.pi, len(kind)))


def seen(columns: dict) -> dict:
    """Columns with the image box and alpha that follow from the 3-D box."""
    (h, w, length), (x, y, z) = columns['dimensions'].T, columns['location'].T
    yaw = columns['rotation_y']
    across = np.abs(length * np.cos(yaw)) + np.abs(w * np.sin(yaw))
    bbox = np.column_stack([x - across / 2, y - h, x + across / 2, y])
    bbox = 721.5 * bbox / z[:, None] + [609.6, 172.9, 609.6, 172.9]
    bbox = bbox.clip(0, [1241, 374, 1241, 374])
    return dict(columns, bbox=bbox, alpha=yaw - np.arctan2(x, z))


def draw_frame(rng: np.random.Generator) -> tuple[dict, dict]:
    """Labels and detections of a frame; 7 of 10 detections are near one."""
    names, shares = np.array(list(KINDS)), [k[3] for k in KINDS.values()]
    kind = rng.choice(len(names), rng.poisson(8) + 1, p=shares)
    truth = dict(
        seen(place(rng, kind)), name=names[kind],
        truncated=rng.choice([0, .2, .4, .6], len(kind), p=[.7, .1, .1, .1]),
        occluded=rng.choice(4, len(kind), p=[.5, .2, .2, .1]))
    found = rng.integers(3, size=DETECTIONS)
    columns = place(rng, found)
    real = np.flatnonzero(kind < 3)
    if len(real):
        near = np.flatnonzero(rng.random(DETECTIONS) < .7)
        of = rng.choice(real, len(near))
        found[near] = kind[of]
        noise = dict(dimensions=.05, location=[.15, .05, .3], rotation_y=.1)
        for name, spread in noise.items():
            value = truth[name][of]
            columns[name][near] = value + rng.normal(0, 1,
                                                     value.shape) * spread
        columns['dimensions'] = np.maximum(columns['dimensions'], .1)
    return truth, dict(seen(columns), name=names[found],
                       score=rng.random(DETECTIONS))


def draw(folder: Path) -> None:
    """Write ``gt/`` and ``dt/``."""
    frames = {
        f'{i:06d}': draw_frame(np.random.default_rng(i)) for i in range(FRAMES)
    }
    write_labels(
        folder / 'gt',
        KittiObjects.from_frames(
            {i: truth for i, (truth, _) in frames.items()}))
    write_results(
        folder / 'dt',
        KittiObjects.from_frames(
            {i: found for i, (_, found) in frames.items()}, scored=True))


def stages(folder: Path) -> None:
    """Print the time of each stage in this process."""

    def timed(name, function, *args, **kwargs):
        start = time.perf_counter()
        value = function(*args, **kwargs)
        print(f'  {name:<28}{time.perf_counter() - start:6.2f} s')
        return value

    print('stages, in one process')
    timed('start and imports', subprocess.run,
          [sys.executable, '-c', 'import mmxkd.evaluation.functional.kitti'],
          check=True)
    truth = timed(f'read {FRAMES} label files', read_labels, folder / 'gt')
    found = timed(f'read {FRAMES} result files', read_results, folder / 'dt')
    print(f'  ({len(truth)} labels, {len(found)} detections)')
    for name, overlaps in PROTOCOLS.items():
        timed(f'evaluate {name}', evaluate, truth, found, overlaps=overlaps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--keep', type=Path, metavar='FOLDER',
                        help='write the set here and leave it')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        draw(folder)
        seconds: dict[str, list[float]] = {name: [] for name in PROTOCOLS}
        for index in range(args.rounds + 1):
            for name, overlaps in PROTOCOLS.items():
                start = time.perf_counter()
                subprocess.run([
                    sys.executable, COMMAND, folder / 'gt', folder / 'dt',
                    '--overlaps', *overlaps
                ], check=True, stdout=subprocess.DEVNULL)
                if index:  # the first round warms the file cache
                    seconds[name].append(time.perf_counter() - start)
        print(f'whole command, wall time, {os.cpu_count()} cores')
        for name, values in seconds.items():
            print(f'  {name:<28}{statistics.median(values):6.2f} s '
                  f'[{min(values):.2f}, {max(values):.2f}], '
                  f'bar {BARS[name]} s')
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(f'  peak memory                 {peak:6.2f} GB, bar 1 GB')
        stages(folder)


if __name__ == '__main__':
    main()
