"""CPU time of reading files, with the checks of the readers and without.

``sample``: a frame of ``mmxkd.STFDataset``, an RGB picture and three gated
slices, is loaded and packed. ``labels``: 1000 label files of KITTI with nine
objects each. ``frame``: a picture and a LiDAR scan of 115384 points, which the
converter of KITTI reads; training does not. The opponents are the same readers
without the checks of the header, of the picture's size, of the encoding and of
plausible numbers; that of the scan still looks for NaN and Inf.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/reader_cost.py [--rounds 61]``
"""
import argparse
import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import mmdet.datasets  # noqa: F401
import numpy as np
from guard_cost import HEIGHT, WIDTH, write_frame
from interleaved import interleave, ratio

import mmxkd  # noqa: F401
from mmxkd.datasets.strict import StrictSamplesMixin
from mmxkd.formats.kitti import read_labels, read_scan, velodyne, write_scan
from mmxkd.io.images import read_image
from mmxkd.registry import DATASETS

BAR = 1.02
LINE = ('Car 0.00 0 1.85 100.50 40.25 160.75 80.50 1.50 1.60 4.00 -1.50 1.20 '
        '9.00 1.70\n')


def write_dataset(folder: Path) -> Any:
    """A data set of one frame, in the layout of ``mmxkd.STFDataset``."""
    paths = write_frame(folder)
    for source, name in zip((paths['img_path'], *paths['gated_paths']),
                            ('images', 'gated0', 'gated1', 'gated2'),
                            strict=True):
        (folder / name).mkdir()
        Path(source).rename(folder / name / '0.png')
    image = dict(id=1, file_name='images/0.png', width=WIDTH, height=HEIGHT,
                 frame_id='0', weather='clear', daytime='day')
    box = dict(id=1, image_id=1, category_id=1, bbox=[9, 9, 90, 90], area=8100)
    (folder / 'train.json').write_text(
        json.dumps(
            dict(images=[image], annotations=[box],
                 categories=[dict(id=1, name='pedestrian')])))
    return DATASETS.build(
        dict(
            type='mmxkd.STFDataset', data_root=str(folder),
            ann_file='train.json', pipeline=[
                dict(type='LoadImageFromFile', _scope_='mmxkd'),
                dict(type='mmxkd.LoadGatedSlices'),
                dict(type='mmdet.LoadAnnotations', with_bbox=True),
                dict(type='mmxkd.PackMultiModalInputs')
            ]))


def without_checks(read: Callable[[], object]) -> Callable[[], object]:
    """The same call, while the checks say that all is well."""

    def call() -> None:
        with ExitStack() as stack:
            for place, value in (
                ('mmxkd.io.images.header_fault', lambda content: None),
                ('mmxkd.formats.kitti.label_files.plain_bytes',
                 lambda content, path, kind: content),
            ):
                stack.enter_context(patch(place, value))
            stack.enter_context(
                patch.object(StrictSamplesMixin, '_check_size',
                             lambda self, info: None))
            stack.enter_context(
                patch.object(
                    velodyne, 'scan_fault', lambda points: None
                    if np.isfinite(points).all() else 'NaN or Inf'))
            read()

    return call


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--rounds', type=int, default=61)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = write_dataset(folder)
        (folder / 'labels').mkdir()
        for number in range(1000):
            (folder / f'labels/{number:06d}.txt').write_text(LINE * 9)
        points = np.random.default_rng(0).uniform((-50, -50, -2, 0),
                                                  (50, 50, 2, 1), (115384, 4))
        write_scan(folder / 'scan.bin', points)
        for what, read in (
            ('sample', lambda: dataset[0]),
            ('labels', lambda: read_labels(folder / 'labels')),
            ('frame', lambda: (read_image(folder / 'images/0.png', 'img'),
                               read_scan(folder / 'scan.bin'))),
        ):
            seconds = interleave(
                {'checked': read, 'plain': without_checks(read)}, args.rounds)
            middle, low, high = ratio(seconds, 'checked', 'plain')
            print(f'{what:6s} {1e3 * np.median(seconds["plain"]):6.1f} ms '
                  f'CPU, checked ÷ plain {middle:.4f} [{low:.4f}, '
                  f'{high:.4f}], bar {BAR}')


if __name__ == '__main__':
    main()
