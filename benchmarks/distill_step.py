"""Time and memory of a distillation step, against named opponents.

RetinaNet R18 learns from RetinaNet R50 by the mean squared error of four
neck levels, on 2 random 256×256 pictures, or on more and larger ones. All
contenders run in one process, interleaved; what counts are the ratios of
their medians to the student-only step:

* ``student``: the student alone;
* ``reference``: the student alone and, beside it, the teacher's
  ``extract_feat`` under ``no_grad``: the least that distillation can cost;
* ``mmxkd``: `CrossModalDistill`;
* ``stopped``: `CrossModalDistill` after its schedule has ended;
* ``mmrazor``: `SingleTeacherDistill` of mmrazor 1.0.0, where installed;
* ``idle hooks``: the student's forward pass with 20 hooks that do not record,
  against the plain forward pass.

Peak memory is read in one fresh process for each contender. On a GPU, time
is wall time until the GPU is done, and memory that of its tensors.

Usage: ``python benchmarks/distill_step.py [--rounds 15] [--only stopped]
[--device cuda --size 800 --batch 8 --amp]``
"""
import argparse
import json
import logging
import math
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec

import torch
from interleaved import interleave, ratio
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.hub import get_config
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

import mmxkd  # noqa: F401  (applies the repairs mmrazor needs)
from mmxkd.recording.hook_points import parse
from mmxkd.recording.tape import Tape
from mmxkd.registry import MODELS

LEVELS = 4


@dataclass(frozen=True)
class Setting:
    """What every contender is given."""
    size: int = 256
    batch: int = 2
    device: str = 'cpu'
    amp: bool = False

    def clock(self) -> float:
        """Seconds, after all that was begun has ended."""
        if self.device == 'cpu':
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def peak(self) -> float:
        """Peak MB so far: resident, or of the tensors on the GPU."""
        if self.device == 'cpu':
            return own_peak()
        return torch.cuda.max_memory_allocated() / 2**20


def detector(depth: int) -> dict:
    """Config of a RetinaNet without pretrained weights."""
    cfg = get_config(f'mmdet::retinanet/retinanet_r{depth}_fpn_1x_coco.py')
    cfg.model.backbone.init_cfg = None
    return cfg.model


def batch_of(setting: Setting) -> dict:
    """Random pictures with three boxes each."""
    generator = torch.Generator().manual_seed(0)
    samples, inputs = [], []
    shape = (setting.size, setting.size)
    for i in range(setting.batch):
        corner = torch.rand(3, 2, generator=generator) * setting.size / 2
        size = 16 + torch.rand(3, 2, generator=generator) * setting.size / 3
        sample = DetDataSample(metainfo=dict(
            img_id=i, img_shape=shape, ori_shape=shape, scale_factor=(1., 1.)))
        sample.gt_instances = InstanceData(
            bboxes=torch.cat([corner, corner + size], 1),
            labels=torch.randint(80, (3, ), generator=generator))
        samples.append(sample)
        inputs.append(
            torch.randint(256, (3, *shape), generator=generator,
                          dtype=torch.uint8))
    return dict(inputs=inputs, data_samples=samples)


def distilled() -> torch.nn.Module:
    """Our algorithm; its loss ends at iteration 1000."""
    weight = dict(type='Constant', value=0.5, end=1000)
    algorithm = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=detector(18),
            teachers=dict(big=dict(cfg=detector(50), random=True)),
            distiller=dict(losses=dict(loss_feature=dict(
                type='FeatureMSELoss', loss_weight=weight,
                student=f'neck[:{LEVELS}]', teacher=f'big:neck[:{LEVELS}]')))))
    algorithm.init_weights()
    return algorithm


def razor() -> torch.nn.Module:
    """MMRazor's algorithm for the same levels."""
    recorder = dict(neck=dict(type='ModuleOutputs', source='neck'))
    names = [f'loss_{i}' for i in range(LEVELS)]
    mappings = {
        name: dict(
            s_feature=dict(from_student=True, recorder='neck', data_idx=i),
            t_feature=dict(from_student=False, recorder='neck', data_idx=i))
        for i, name in enumerate(names)
    }
    loss = dict(type='L2Loss', loss_weight=0.1, normalize=False)
    with DefaultScope.overwrite_default_scope('mmrazor'):
        return MODELS.build(
            dict(
                type='mmrazor.SingleTeacherDistill',
                architecture=dict(detector(18), _scope_='mmdet'),
                teacher=dict(detector(50), _scope_='mmdet'),
                distiller=dict(type='ConfigurableDistiller',
                               student_recorders=recorder,
                               teacher_recorders=recorder,
                               distill_losses=dict.fromkeys(names, loss),
                               loss_forward_mappings=mappings)))


class Step:
    """One training step of a model, optionally with a teacher beside it."""

    def __init__(self, model, setting: Setting, iteration: int = 0,
                 teacher=None) -> None:
        model.train()  # of mmrazor's algorithms, this returns None
        self.model, self.teacher = model.to(setting.device), teacher
        if teacher is not None:
            teacher.to(setting.device).eval()
        self.iteration, self.data = iteration, batch_of(setting)
        trained = [p for p in model.parameters() if p.requires_grad]
        wrapper = AmpOptimWrapper if setting.amp else OptimWrapper
        self.optim = wrapper(optimizer=torch.optim.SGD(trained, lr=1e-4))

    def __call__(self) -> None:
        MessageHub.get_current_instance().update_info('iter', self.iteration)
        if self.teacher is not None:
            with torch.no_grad(), self.optim.optim_context(self.teacher):
                view = self.teacher.data_preprocessor(
                    dict(self.data, data_samples=None), False)
                self.teacher.extract_feat(view['inputs'])
        self.model.train_step(
            dict(self.data,
                 data_samples=[s.clone() for s in self.data['data_samples']]),
            self.optim)


class Forward:
    """The student's forward pass, with idle hooks or without."""

    def __init__(self, model, setting: Setting, hooks: int) -> None:
        self.model = model.eval().to(setting.device)
        self.inputs = torch.rand(setting.batch, 3, setting.size, setting.size,
                                 device=setting.device)
        names = [
            n for n, m in model.named_modules() if n and not list(m.children())
        ]
        tape = Tape(model, 'student')
        for name in names[::max(1, len(names) // max(hooks, 1))][:hooks]:
            tape.add(parse(name, model, 'student'))

    @torch.no_grad()
    def __call__(self) -> None:
        self.model(self.inputs)


MAKERS: dict[str, Callable[[Setting], Callable[[], None]]] = {
    'student': lambda s: Step(MODELS.build(detector(18)), s),
    'reference': lambda s: Step(MODELS.build(detector(18)), s, teacher=MODELS.
                                build(detector(50))),
    'mmxkd': lambda s: Step(distilled(), s),
    'stopped': lambda s: Step(distilled(), s, iteration=1000),
    'mmrazor': lambda s: Step(razor(), s),
    'forward': lambda s: Forward(MODELS.build(detector(18)), s, 0),
    'idle hooks': lambda s: Forward(MODELS.build(detector(18)), s, 20),
}


def own_peak() -> float:
    """Peak resident MB of this process alone.

    Not from ``getrusage``, which counts what the parent had before it.
    """
    with open('/proc/self/status') as status:
        line = next(row for row in status if row.startswith('VmHWM'))
    return int(line.split()[1]) / 1024


def peak_memory(name: str) -> float:
    """Peak MB of five steps in a process of its own, called as this one."""
    command = [sys.executable, *sys.argv, '--memory-of', name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--size', type=int, default=Setting.size,
                        help='side of the pictures')
    parser.add_argument('--batch', type=int, default=Setting.batch)
    parser.add_argument('--device', choices=['cpu', 'cuda'],
                        default=Setting.device)
    parser.add_argument('--amp', action='store_true',
                        help='float16 autocast, on a GPU')
    parser.add_argument('--only', nargs='+', choices=list(MAKERS),
                        help='some of the contenders, beside the student')
    parser.add_argument('--memory', action=argparse.BooleanOptionalAction,
                        default=True, help='whether to read peak memory too')
    parser.add_argument('--out', help='write the figures to this JSON file')
    parser.add_argument('--memory-of', choices=list(MAKERS),
                        help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.amp and args.device == 'cpu':
        parser.error('--amp needs --device cuda')
    setting = Setting(args.size, args.batch, args.device, args.amp)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    # Random labels drive some weights to denormal numbers, which are slow.
    torch.set_flush_denormal(True)
    register_all_modules()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    if args.memory_of:
        step = MAKERS[args.memory_of](setting)
        for _ in range(5):
            step()
        print(setting.peak())
        return

    names = [n for n in MAKERS if n != 'mmrazor' or find_spec('mmrazor')]
    if args.only:
        names = [n for n in names if n in ('student', *args.only)]
    steps = {name: MAKERS[name](setting) for name in names}
    seconds = interleave(steps, args.rounds, setting.clock)
    machine = (platform.processor() or platform.machine() if args.device
               == 'cpu' else torch.cuda.get_device_name())
    result = dict(machine=machine, torch=torch.__version__,
                  threads=args.threads, rounds=args.rounds,
                  setting=asdict(setting), ms={}, ratios={}, peak_mb={})
    print(f'{machine}, {args.batch} pictures of {args.size}², '
          f'{"float16" if args.amp else "float32"}, {args.threads} thread(s), '
          f'{args.rounds} interleaved rounds; ratio: median [quartiles]')
    for name in names:
        base = 'forward' if name in ('forward', 'idle hooks') else 'student'
        median, low, high = ratio(seconds, name, base)
        result['ratios'][name] = (median, low, high)
        result['ms'][name] = 1000 * statistics.median(seconds[name])
        peak = peak_memory(name) if args.memory else math.nan
        if args.memory:
            result['peak_mb'][name] = peak
        print(f'{name:12s} {median:6.3f} [{low:.3f}, {high:.3f}] × {base:8s}'
              f' {result["ms"][name]:7.1f} ms, peak '
              f'{peak:6.0f} MB')
    if {'mmxkd', 'reference'} <= set(names):
        against = ratio(seconds, 'mmxkd', 'reference')
        result['mmxkd_over_reference'] = against
        print(f'mmxkd ÷ reference {against[0]:.3f} '
              f'[{against[1]:.3f}, {against[2]:.3f}], bar 1.02')
    if args.out:
        with open(args.out, 'w') as file:
            json.dump(result, file, indent=2)


if __name__ == '__main__':
    main()
