"""Time of a training step of SSDLite, plain and distilled.

MobileNetV2-SSDLite of configs/ssd_kd on random 300x300 pictures with 20
classes. Contenders take turns in one process, and the ratios of their rounds
count; starting the tools and loading data are not in it:

* ``mmdet``: mmdet's own ``ssdlite_mobilenetv2``, at 300 px too;
* ``student``: the student of configs/ssd_kd alone; bar 1.1 × ``mmdet``;
* ``reference``: the student's step, and beside it the teacher's forward pass
  to its head under ``no_grad``: the least that distillation can cost;
* ``distilled``: the step of mb2-ssdlite_kd_voc.py; bar 1.1 × ``reference``.

Usage: ``python benchmarks/ssd_step.py [--rounds 9] [--batch 4]``
"""
import argparse
import logging
from pathlib import Path

import torch
from interleaved import interleave, ratio
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
SIDE, CLASSES = 300, 20
BAR = 1.1


def batch(size: int) -> dict:
    """Random pictures with three boxes each."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for i in range(size):
        corner = torch.rand(3, 2, generator=generator) * SIDE / 2
        extent = 40 + torch.rand(3, 2, generator=generator) * SIDE / 3
        sample = DetDataSample(metainfo=dict(img_id=i, img_shape=(
            SIDE, SIDE), ori_shape=(SIDE, SIDE), scale_factor=(1., 1.)))
        sample.gt_instances = InstanceData(
            bboxes=torch.cat([corner, corner + extent], 1),
            labels=torch.randint(CLASSES, (3, ), generator=generator))
        samples.append(sample)
    return dict(
        inputs=list(
            torch.randint(256, (size, 3, SIDE, SIDE), generator=generator,
                          dtype=torch.uint8)), data_samples=samples)


def opponent() -> torch.nn.Module:
    """mmdet's SSDLite for 20 classes and 300 px."""
    cfg = get_config('mmdet::ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_'
                     'coco.py').model
    cfg.bbox_head.num_classes = CLASSES
    cfg.data_preprocessor.pop('batch_augments', None)
    cfg.data_preprocessor.pad_size_divisor = 1
    return MODELS.build(cfg)


class Step:
    """One training step; optionally with a teacher's forward beside it."""

    def __init__(self, model, size: int, teacher=None) -> None:
        self.model, self.teacher = model.train(), teacher
        self.data = batch(size)
        self.optim = OptimWrapper(
            torch.optim.SGD([p for p in model.parameters() if p.requires_grad],
                            lr=1e-5))

    def __call__(self) -> None:
        if self.teacher is not None:
            with torch.no_grad():
                view = self.teacher.data_preprocessor(
                    dict(self.data, data_samples=None), False)
                self.teacher.bbox_head(
                    self.teacher.extract_feat(view['inputs']))
        self.model.train_step(
            dict(self.data,
                 data_samples=[s.clone() for s in self.data['data_samples']]),
            self.optim)


def contenders(size: int) -> dict[str, Step]:
    """The four steps."""
    cfg = Config.fromfile(ROOT / 'configs/ssd_kd/mb2-ssdlite_kd_voc.py')
    teacher = Config.fromfile(ROOT / 'configs/ssd_kd/vgg16-ssd_voc.py').model
    distilled = cfg.model
    distilled.teachers = dict(vgg=dict(cfg=teacher, random=True))
    plain = cfg.model.student
    # A teacher that was never loaded does not run.
    taught = MODELS.build(distilled)
    taught.init_weights()
    return dict(
        mmdet=Step(opponent(), size), student=Step(MODELS.build(plain), size),
        reference=Step(MODELS.build(plain), size,
                       MODELS.build(teacher).eval()),
        distilled=Step(taught, size))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--batch', type=int, default=4)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # Random labels drive some weights to denormal numbers, which are slow.
    torch.set_flush_denormal(True)
    register_all_modules()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    seconds = interleave(contenders(args.batch), args.rounds)
    print(f'batch {args.batch}, {args.rounds} interleaved rounds, 1 thread; '
          'ratio: median [quartiles]')
    for name, base in (('student', 'mmdet'), ('distilled', 'reference'),
                       ('reference', 'student')):
        median, low, high = ratio(seconds, name, base)
        bar = f', bar {BAR}' if name != 'reference' else ''
        print(f'{name} ÷ {base}: {median:.3f} [{low:.3f}, {high:.3f}]{bar}')


if __name__ == '__main__':
    main()
