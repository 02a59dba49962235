"""CPU time of loading a sample, with the modalities watched and without.

A frame of the size of Seeing Through Fog, an RGB picture and three gated
slices, is loaded, resized and packed as ``configs/_base_/datasets/stf.py``
does it. ``full`` adds depth and a pipeline of seven random transforms, whose
draws are the same in both. The opponent is the same pipeline with mmcv's own
``BaseTransform.__call__``, which does not watch.

The ratio scatters by more than the watch costs, on a machine that does other
things too. So the time inside the watch is also summed up, as a share of the
same run.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/guard_cost.py [--rounds 61]``
"""
import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from interleaved import interleave, ratio
from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from mmxkd.datasets.transforms import alignment

HEIGHT, WIDTH = 768, 1280
BAR = 1.02
LOAD = [
    dict(type='LoadImageFromFile', _scope_='mmxkd'),
    dict(type='mmxkd.LoadGatedSlices')
]
RESIZE = dict(type='mmxkd.Resize', scale=(1333, 500), keep_ratio=True)
PIPELINES = {
    'stf': [
        *LOAD, RESIZE,
        dict(type='mmxkd.PackMultiModalInputs', modalities=('img', 'gated'))
    ],
    'full': [
        *LOAD,
        dict(type='mmxkd.LoadDepth'),
        dict(type='PhotoMetricDistortion'),
        dict(type='mmxkd.Expand'),
        dict(type='mmxkd.MinIoURandomCrop'), RESIZE,
        dict(type='mmxkd.RandomFlip', prob=.5),
        dict(type='mmxkd.RandomAffine'),
        dict(type='mmxkd.Pad', size_divisor=32),
        dict(type='mmxkd.PackMultiModalInputs',
             modalities=('img', 'gated', 'depth'))
    ],
}


def write_frame(folder: Path, seed: int = 0) -> dict:
    """Write the files of a frame; the sample that a data set gives."""
    rng = np.random.default_rng(seed)

    def picture(channels: int, kind: type, top: int) -> np.ndarray:
        coarse = rng.random((HEIGHT // 16, WIDTH // 16, channels))
        smooth = cv2.resize(coarse, (WIDTH, HEIGHT))
        noise = rng.normal(0, .01, (HEIGHT, WIDTH, channels))
        smooth = smooth.reshape(noise.shape)
        return np.clip((smooth + noise) * top, 0, top).astype(kind)

    depth = picture(1, np.uint16, 20000)
    depth[rng.random(depth.shape) > .05] = 0
    files = {
        'img': picture(3, np.uint8, 255), 'depth': depth,
        **{f'gated{i}': picture(1, np.uint16, 1023) for i in range(3)}
    }
    paths = {name: str(folder / f'{name}.png') for name in files}
    for name, values in files.items():
        if not cv2.imwrite(paths[name], values):
            raise SystemExit(f'cannot write {paths[name]}')
    return dict(img_path=paths['img'], depth_path=paths['depth'], img_id=0,
                gated_paths=[paths[f'gated{i}'] for i in range(3)])


def load(pipeline: Compose, sample: dict, call: Callable) -> None:
    """Run a pipeline with one of the two ways to call its transforms."""
    np.random.seed(0)
    boxes = np.array([[500., 300., 700., 500.]], np.float32)
    BaseTransform.__call__ = call
    pipeline(
        dict(sample, gt_bboxes=HorizontalBoxes(boxes),
             gt_bboxes_labels=np.zeros(1, int),
             gt_ignore_flags=np.zeros(1, bool)))


def share_of_the_watch(pipeline: Compose, sample: dict,
                       rounds: int) -> list[float]:
    """Seconds inside the watch ÷ seconds of a run, for each run."""
    spent = 0.

    def timed(look: Callable) -> Callable:

        def inner(*args):
            nonlocal spent
            start = time.perf_counter()
            memory = look(*args)
            spent += time.perf_counter() - start
            return memory

        return inner

    looks = {name: getattr(alignment, name) for name in ('_before', '_after')}
    shares = []
    for name, look in looks.items():
        setattr(alignment, name, timed(look))
    for _ in range(rounds):
        spent, start = 0., time.perf_counter()
        load(pipeline, sample, alignment.watch(alignment.PLAIN_CALL))
        shares.append(spent / (time.perf_counter() - start))
    for name, look in looks.items():
        setattr(alignment, name, look)
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--rounds', type=int, default=61)
    args = parser.parse_args()
    init_default_scope('mmdet')
    calls = dict(watched=BaseTransform.__call__, plain=alignment.PLAIN_CALL)
    with tempfile.TemporaryDirectory() as folder:
        sample = write_frame(Path(folder))
        for name, steps in PIPELINES.items():
            pipeline = Compose(steps)
            seconds = interleave(
                {
                    way: partial(load, pipeline, sample, call)
                    for way, call in calls.items()
                }, args.rounds)
            middle, low, high = ratio(seconds, 'watched', 'plain')
            print(f'{name:5s} {1e3 * np.median(seconds["plain"]):6.1f} ms '
                  f'CPU, watched ÷ plain {middle:.4f} [{low:.4f}, '
                  f'{high:.4f}], bar {BAR}; inside of the watch '
                  f'{np.median(share_of_the_watch(pipeline, sample, 21)):.2%}')


if __name__ == '__main__':
    main()
