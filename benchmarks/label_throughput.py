"""Frames per second of ``tools/label.py`` against ``tools/test.py``.

Both look at the same pictures with the same detector, the tiny one of
``configs/cmkd/``; its weights are random, which gives the most boxes. The one
writes labels, thresholds given; the other measures mAP with ``CocoMetric``.
Models are built and files are read in both. They take turns in one process.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/label_throughput.py [--rounds 9]``
"""
import argparse
import contextlib
import io
import json
import shutil
import statistics
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from interleaved import interleave, ratio
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.engine import launch
from mmxkd.engine.labelling.labeller import Request, label
from mmxkd.engine.labelling.teachers import Teacher
from mmxkd.registry import MODELS

CONFIG = Path(__file__).parents[1] / 'configs/cmkd/fog_baseline_tiny.py'
WIDTH, HEIGHT = 320, 192
BAR = 0.95


def write_frames(folder: Path, number: int) -> None:
    """Noise with a bright upright box in each picture."""
    draw = np.random.default_rng(0)
    images, annotations = [], []
    for k in range(1, number + 1):
        picture = draw.integers(0, 99, (HEIGHT, WIDTH, 3), np.uint8)
        x, y = draw.integers(0, 280), draw.integers(0, 120)
        picture[y:y + 60, x:x + 25] = 220
        cv2.imwrite(str(folder / f'{k}.png'), picture)
        images.append(
            dict(id=k, file_name=f'{k}.png', width=WIDTH, height=HEIGHT,
                 frame_id=str(k), weather='clear', daytime='night'))
        annotations.append(
            dict(id=k, image_id=k, category_id=1, iscrowd=0, area=1500,
                 bbox=[int(x), int(y), 25, 60]))
    (folder / 'frames.json').write_text(
        json.dumps(
            dict(images=images, annotations=annotations,
                 categories=[dict(id=1, name='pedestrian')])))


def config_of(folder: Path) -> Config:
    """The tiny baseline, on these frames."""
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir, cfg.log_level = str(folder / 'work'), 'ERROR'
    cfg.load_from = str(folder / 'random.pth')
    cfg.resume, cfg.custom_hooks = False, []
    cfg.test_dataloader.dataset.update(data_root=str(folder),
                                       ann_file='frames.json')
    cfg.test_evaluator.ann_file = str(folder / 'frames.json')
    return cfg


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--frames', type=int, default=150)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_frames(folder, args.frames)
        init_default_scope('mmdet')
        cfg = config_of(folder)
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        model.init_weights()
        torch.save(dict(state_dict=model.state_dict(), meta={}), cfg.load_from)

        def test() -> None:
            run = config_of(folder)
            launch.student_alone(run)
            launch.build_runner(run).test()

        def write_labels() -> None:
            out = folder / 'pseudo.json'
            out.unlink(missing_ok=True)
            label(
                Request([Teacher(config_of(folder), cfg.load_from)], out,
                        score_thr=['0']))

        with contextlib.redirect_stdout(io.StringIO()):
            seconds = interleave(dict(label=write_labels, test=test),
                                 args.rounds)
        labels = json.loads((folder / 'pseudo.json').read_text())
        shutil.rmtree(folder / 'work')
    # Throughput is the inverse of time.
    middle, low, high = ratio(seconds, 'test', 'label')
    for name, values in seconds.items():
        print(f'{name:6s} {args.frames / statistics.median(values):6.1f} '
              'frames per CPU second')
    print(f'label ÷ test: {middle:.3f} [{low:.3f}, {high:.3f}], bar {BAR}; '
          f'{len(labels["annotations"])} labels in {args.frames} frames')


if __name__ == '__main__':
    main()
