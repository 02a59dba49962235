"""Epochs with pseudo labels of three teachers, live against cached.

EfficientDet-D2 on the spectrograms of eight microphones learns from the fused
boxes of three more, which see RGB, thermal and depth pictures; see
``configs/_base_/models/efficientdet_d2.py``. Each step runs the data
preprocessors, the teachers, the student forward and backward, and AdamW.
Loading files is not in it. Pictures and weights are random; a bias lets each
teacher find some 20 boxes per frame before suppression. Contenders take turns
in one process, an epoch each:

* ``live``: the teachers run in each step;
* ``cached``: their predictions come from the disk, every frame a hit;
* ``student``: it is given the same boxes, and there is no teacher: the least
  that an epoch can take. So no cache gains more than ``live`` ÷ ``student``.

First, an epoch that repeats the one which filled the cache shows that live
and cached labels are the same boxes, and the losses the same numbers; both
exactly. Later epochs pair the frames anew. What a live teacher finds in a
frame then differs by rounding, since convolutions of another batch add in
another order; it is printed by how much.

Bar: ``live`` takes 2 times as long as ``cached``. CPU time, files in the page
cache. With ``--own-size``, the student's backbone runs on spectrograms in
their own size, see ``mmxkd.SpectrogramBackbone``, and its maps are resized.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/sound_labels.py``
"""
import argparse
import logging
import tempfile
from pathlib import Path

import torch
from interleaved import interleave, ratio
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData
from torch import Tensor

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.registry import MODELS

CONFIG = (Path(__file__).resolve().parents[1]
          / 'configs/_base_/models/efficientdet_d2.py')
#: What each teacher sees, and how many channels that has.
TEACHERS = dict(rgb=('img', 3), thermal=('thermal', 1),
                depth=('depth_picture', 3))
SCORE_THR, FOUND, BAR = 0.3, 20, 2
Frame = tuple[dict[str, Tensor], DetDataSample]


def labels() -> dict:
    """Config of what labels the student's samples."""
    teachers = {name: dict(score_thr=SCORE_THR) for name in TEACHERS}
    return dict(boxes=dict(type='mmxkd.FusedTeacherLabels', teachers=teachers,
                           fusion='nms', iou_thr=0.5, class_agnostic=True))


def detector(channels: int, **preprocessor) -> dict:
    """Config of EfficientDet-D2 with another data preprocessor."""
    cfg = Config.fromfile(CONFIG).model
    cfg.backbone.in_channels = channels
    cfg.data_preprocessor = preprocessor
    cfg.test_cfg.score_thr = SCORE_THR
    return cfg.to_dict()


def student(side: int, own_size: bool = False) -> dict:
    """Config of the detector that hears."""
    cfg = detector(8, type='mmxkd.SoundDetDataPreprocessor',
                   frame=(side, side), stretch=not own_size, mean=[-40.] * 8,
                   std=[20.] * 8)
    if own_size:
        rgb = dict(cfg['backbone'], in_channels=3)
        cfg['backbone'] = dict(type='mmxkd.SpectrogramBackbone', backbone=rgb,
                               in_channels=8, strides=[8, 16, 32],
                               frame=(side, side))
    return cfg


def teacher(name: str) -> dict:
    """Config of one that sees."""
    modality, channels = TEACHERS[name]
    return detector(channels, type='mmxkd.ModalityDetDataPreprocessor',
                    modalities=(modality, ), mean=[127.] * channels,
                    std=[60.] * channels, pad_size_divisor=128)


def frames(count: int, side: int) -> list[Frame]:
    """Random pictures and sound, without labels."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for i in range(count):
        inputs = {
            modality: torch.randint(256, (channels, side, side),
                                    generator=generator, dtype=torch.uint8)
            for modality, channels in TEACHERS.values()
        }
        # As a clip of a second: 80 bands, 173 columns, decibels.
        inputs['spectrogram'] = -80 * torch.rand(8, 80, 173,
                                                 generator=generator)
        found.append(
            (inputs,
             DetDataSample(
                 metainfo=dict(img_id=i, img_path=f'{i}.png', img_shape=(
                     side, side), ori_shape=(side, side), scale_factor=(
                         1., 1.), labelled=False))))
    return found


def collate(chosen: list[Frame]) -> dict:
    """A batch; its samples are copies."""
    return dict(
        inputs={
            key: [inputs[key] for inputs, _ in chosen] for key in chosen[0][0]
        }, data_samples=[sample.clone() for _, sample in chosen])


@torch.no_grad()
def write_teacher(name: str, data: list[Frame], path: Path) -> None:
    """Save weights of a teacher that finds ``FOUND`` boxes per frame."""
    model = MODELS.build(teacher(name))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # The statistics are those of one pass.
    inputs = model.data_preprocessor(collate(data))['inputs']
    model.train().extract_feat(inputs)
    model.bbox_head(model.extract_feat(inputs))
    scores, _ = model.eval().bbox_head(model.extract_feat(inputs))
    best = torch.cat(
        [level.unflatten(1, (9, -1)).amax(2).flatten() for level in scores])
    last, first_out = best.topk(FOUND * len(data) + 1).values[-2:]
    wanted = torch.tensor(SCORE_THR).logit() - (last + first_out) / 2
    model.bbox_head.cls_branch.predictor.pointwise.bias += wanted
    torch.save(model.state_dict(), path)


def taught(hears: dict, weights: dict[str, Path],
           cache: str | None = None) -> BaseModel:
    """The distillation, with live teachers or with their cache."""
    torch.manual_seed(0)
    more = {} if cache is None else dict(cache=dict(dir=cache))
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=hears, teachers={
                name: dict(cfg=teacher(name), checkpoint=str(path), **more)
                for name, path in weights.items()
            }, distiller=dict(labels=labels())))
    model.init_weights()
    return model


class Epoch:
    """All frames once, in pairs that change from epoch to epoch."""

    def __init__(self, model: BaseModel, data: list[Frame],
                 batch: int) -> None:
        self.model, self.data, self.batch = model.train(), data, batch
        self.optim = OptimWrapper(
            torch.optim.AdamW(
                [p for p in model.parameters() if p.requires_grad], lr=1e-4))
        self.done = 0
        #: What the student learned in the last epoch.
        self.boxes: dict[int, dict[str, Tensor]] = {}
        self.losses: list[Tensor] = []
        getattr(model, 'student',
                model).register_forward_pre_hook(self._look, with_kwargs=True)

    def _look(self, module, args: tuple, kwargs: dict) -> None:
        for sample in args[1] if len(args) > 1 else kwargs['data_samples']:
            self.boxes[sample.img_id] = sample.gt_instances.to_dict()

    def __call__(self) -> None:
        self.losses.clear()
        shuffle = torch.Generator().manual_seed(self.done)
        order = torch.randperm(len(self.data), generator=shuffle).tolist()
        for start in range(0, len(order), self.batch):
            chosen = [self.data[i] for i in order[start:start + self.batch]]
            found = self.model.train_step(collate(chosen), self.optim)
            self.losses.append(found['loss'])
        self.done += 1


def given(hears: dict, live: Epoch, batch: int) -> Epoch:
    """The student alone, with the boxes of the live teachers."""
    torch.manual_seed(0)
    model = MODELS.build(hears)
    data = []
    for inputs, sample in live.data:
        sample = sample.clone()
        sample.gt_instances = InstanceData(**live.boxes[sample.img_id])
        data.append((inputs, sample))
    return Epoch(model, data, batch)


def apart(live: Epoch, cached: Epoch) -> float:
    """Largest difference of a coordinate in pixels, or of a score.

    Raises:
        SystemExit: A frame has other boxes.
    """
    largest = 0.
    for frame, wanted in live.boxes.items():
        found = cached.boxes[frame]
        if not torch.equal(wanted['labels'], found['labels']):
            raise SystemExit(f'frame {frame} has other boxes: {wanted} live, '
                             f'{found} cached')
        for key in ('bboxes', 'scores'):
            for difference in (wanted[key] - found[key]).abs().flatten():
                largest = max(largest, float(difference))
    return largest


def check_same(live: Epoch, cached: Epoch) -> float:
    """An epoch that fills the cache, the same again, and another one.

    Returns:
        float: How far boxes are apart in an epoch with other pairs.

    Raises:
        SystemExit: With the same pairs, a box or a loss differs.
    """
    for shuffle in (0, 0, 1):
        for epoch in (live, cached):
            torch.manual_seed(shuffle)
            epoch.done = shuffle
            epoch()
        found = apart(live, cached)
        same = torch.equal(torch.stack(live.losses),
                           torch.stack(cached.losses))
        if shuffle == 0 and (found or not same):
            raise SystemExit(f'boxes are {found} apart; losses: {live.losses} '
                             f'live, {cached.losses} cached')
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=11)
    parser.add_argument('--frames', type=int, default=8)
    parser.add_argument('--batch', type=int, default=2)
    parser.add_argument('--side', type=int, default=128,
                        help='of the pictures; a multiple of 128')
    parser.add_argument('--own-size', action='store_true',
                        help='spectrograms are not stretched to the pictures')
    args = parser.parse_args()
    torch.set_num_threads(1)
    register_all_modules()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    torch.manual_seed(0)
    data = frames(args.frames, args.side)
    with tempfile.TemporaryDirectory() as folder:
        weights = {name: Path(folder, f'{name}.pth') for name in TEACHERS}
        for name, path in weights.items():
            write_teacher(name, data, path)
        hears = student(args.side, args.own_size)
        live = Epoch(taught(hears, weights), data, args.batch)
        cached = Epoch(taught(hears, weights, str(Path(folder, 'cache'))),
                       data, args.batch)
        other = check_same(live, cached)
        count = sum(len(b['labels']) for b in live.boxes.values())
        print(f'{count} boxes in {args.frames} frames, live and cached, and '
              f'losses: equal; with other pairs at most {other:.1e} apart')
        steps = dict(live=live, cached=cached,
                     student=given(hears, live, args.batch))
        seconds = interleave(steps, args.rounds)
        for name, one in cached.model.teachers.items():
            counts = one.cache.counts
            assert (counts.misses, counts.damaged) == (args.frames, 0), name
    print(f'{args.frames} frames of {args.side} × {args.side}, batch '
          f'{args.batch}, 1 thread, {args.rounds} interleaved epochs; ratio: '
          'median [quartiles]')
    for name, base, bar in (('live', 'cached', f', bar {BAR}'),
                            ('live', 'student', ''), ('cached', 'student',
                                                      '')):
        middle, low, high = ratio(seconds, name, base)
        print(f'{name} ÷ {base}: {middle:.3f} [{low:.3f}, {high:.3f}]{bar}')


if __name__ == '__main__':
    main()
