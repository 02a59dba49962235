"""How fast monocular students are, against SMOKE and PGD of mmdet3d.

All contenders are whole and untrained, run in one process and take turns;
what counts are ratios of CPU time, round by round.

* inference, one picture of 1280x384, from the batch to boxes: the ``did``
  student of ``configs/monommkd/student.py``, mmdet3d's SMOKE and PGD. Bars:
  did / SMOKE <= 0.5, did / PGD <= 0.15;
* a step of training on two pictures: the student alone, taught by mmkd.py,
  and the student with the teacher's forward up to the neck beside it, the
  least that distillation can cost. Bar: mmkd / student <= 1.5.

mmdet3d's networks have deformable convolutions, whose CPU kernels are slow;
the figures are those of this machine. A bar that is missed makes the exit
status 1.

Usage: ``python benchmarks/mono_speed.py [--rounds 9] [--out FILE]``
"""
import argparse
import copy
import json
import logging
import platform
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from interleaved import interleave, ratio
from mmdet3d.structures import CameraInstance3DBoxes, Det3DDataSample
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData

import mmxkd.mono3d  # noqa: F401
from mmxkd.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[1] / 'configs/monommkd'
WIDTH, HEIGHT = 1280, 384
FOCAL = 721.5377 * WIDTH / 1242
STOCK = dict(SMOKE='smoke/smoke_dla34_dlaneck_gn-all_4xb8-6x_kitti-mono3d.py',
             PGD='pgd/pgd_r101-caffe_fpn_head-gn_4xb3-4x_kitti-mono3d.py')
BARS = {('did', 'SMOKE'): 0.5, ('did', 'PGD'): 0.15, ('mmkd', 'student'): 1.5}


def sample() -> Det3DDataSample:
    """A frame with three cars, and a plane of depth."""
    camera = np.eye(4)
    camera[:2, :3] = [[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2]]
    found = Det3DDataSample(
        metainfo=dict(img_path='000000.png', cam2img=camera, ori_shape=(
            HEIGHT, WIDTH), img_shape=(HEIGHT,
                                       WIDTH), aug_scale=1.0, affine_aug=False,
                      scale_factor=np.ones(4), trans_mat=np.diag(
                          [.25, .25, 1.]), box_type_3d=CameraInstance3DBoxes))
    place = torch.tensor([[x, .75, 20. + x, 4., 1.5, 1.6, .3]
                          for x in (-4., 0., 4.)])
    centre = place[:, 0] / place[:, 2] * FOCAL + WIDTH / 2
    found.gt_instances = InstanceData(
        bboxes=torch.stack([
            centre - 40,
            torch.full((3, ), 180.), centre + 40,
            torch.full((3, ), 230.)
        ], 1), labels=torch.full((3, ), 2))
    found.gt_instances_3d = InstanceData(
        bboxes_3d=CameraInstance3DBoxes(place), labels_3d=torch.full((3, ), 2))
    found.gt_depth = PixelData(data=torch.full((1, HEIGHT, WIDTH), 20.))
    return found


def batch(number: int) -> dict:
    """As a data loader gives it."""
    draw = torch.Generator().manual_seed(0)
    pictures = [
        torch.randint(256, (3, HEIGHT, WIDTH), generator=draw,
                      dtype=torch.uint8) for _ in range(number)
    ]
    return dict(
        inputs=dict(img=pictures, depth=[torch.full(
            (1, HEIGHT, WIDTH), 20.)] * number),
        data_samples=[sample() for _ in range(number)])


def built(model: Any) -> Any:
    torch.manual_seed(0)
    found = MODELS.build(model)
    found.init_weights()
    return found


def without_downloads(model: Any) -> Any:
    model.backbone.init_cfg = None
    return model


class Inference:
    """Boxes of one picture."""

    def __init__(self, model: Any) -> None:
        self.model, self.data = built(model).eval(), batch(1)

    @torch.no_grad()
    def __call__(self) -> None:
        data = copy.deepcopy(self.data)
        data['inputs'].pop('depth')
        self.model.test_step(data)


class Step:
    """A step of training, optionally with a teacher beside it."""

    def __init__(self, model: Any, teacher: Any = None) -> None:
        self.model, self.data = built(model).train(), batch(2)
        self.teacher = None if teacher is None else built(teacher).eval()
        self.optim = OptimWrapper(
            torch.optim.Adam(
                [p for p in self.model.parameters() if p.requires_grad]))

    def __call__(self) -> None:
        data = copy.deepcopy(self.data)
        if self.teacher is not None:
            with torch.no_grad():
                seen = self.teacher.data_preprocessor(copy.deepcopy(data),
                                                      True)
                self.teacher.extract_feat(seen['inputs'])
        self.model.train_step(data, self.optim)


def makers() -> tuple[dict, dict]:
    """Of both groups, by name."""
    student = Config.fromfile(CONFIGS / 'student.py').model
    teacher = Config.fromfile(CONFIGS / 'teacher.py').model
    mmkd = Config.fromfile(CONFIGS / 'mmkd.py').model
    mmkd.teachers.depth.pop('checkpoint')
    mmkd.teachers.depth.random = True
    stock = {
        name: without_downloads(get_config(f'mmdet3d::{path}').model)
        for name, path in STOCK.items()
    }
    inference = dict(did=partial(Inference, student))
    inference |= {name: partial(Inference, m) for name, m in stock.items()}
    training = dict(student=partial(Step, student), mmkd=partial(Step, mmkd),
                    limit=partial(Step, student, teacher))
    return inference, training


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--only', choices=['inference', 'training'])
    parser.add_argument('--out', help='write the figures to this JSON file')
    args = parser.parse_args()
    if args.rounds < 2:
        parser.error('--rounds: expected 2 or more, for quartiles')
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    init_default_scope('mmdet3d')
    result: dict[str, Any] = dict(
        machine=platform.processor() or platform.machine(),
        torch=torch.__version__, threads=args.threads, rounds=args.rounds,
        ratios={})
    good = True
    for group, known in zip(('inference', 'training'), makers(), strict=True):
        if args.only not in (None, group):
            continue
        steps = {name: make() for name, make in known.items()}
        print(f'{group}: {len(steps)} contenders are built', flush=True)
        seconds = interleave(steps, args.rounds)
        for name, own in seconds.items():
            print(f'{group} {name:8s} median {np.median(own):6.2f} s of CPU')
        pairs = [('did', 'SMOKE'), ('did', 'PGD')] if group == 'inference' \
            else [('mmkd', 'student'), ('limit', 'student')]
        for name, base in pairs:
            median, low, high = ratio(seconds, name, base)
            result['ratios'][f'{name}/{base}'] = median, low, high
            bar = BARS.get((name, base))
            verdict = '' if bar is None else (
                f'  bar {bar}  {"reached" if median <= bar else "MISSED"}')
            good = good and (bar is None or median <= bar)
            print(f'{name} / {base}: {median:.3f} [{low:.3f}, {high:.3f}]'
                  + verdict)
    if args.out:
        Path(args.out).write_text(json.dumps(result, indent=2))
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
