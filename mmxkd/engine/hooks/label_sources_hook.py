"""What is learned from labels of humans and of teachers."""
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop
from mmengine.structures import InstanceData

from mmxkd.engine.bare_model import bare_model
from mmxkd.engine.frame_weights import FrameWeights
from mmxkd.engine.label_sources import (
    HUMAN,
    TEACHER,
    UNLABELLED,
    check_labelled,
    frames_of,
    source_of,
)
from mmxkd.errors import ConfigError
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class LabelSourcesHook(Hook):
    """Weighs a frame by who labelled it, and logs the sources apart.

    It works for any mmdet detector, alone or as the student of a
    distillation. A frame that nobody has labelled is refused: without boxes
    it would teach that everything is background. ``tools/train.py`` adds the
    hook to every run, with its defaults.

    Logged are ``labels/frames_<source>`` per batch of the main process,
    ``labels/boxes_<source>`` per frame and, for teachers,
    ``labels/score_<source>``, the mean; nothing, where all labels are human.

    Args:
        weights (dict[str, float], optional): How much the detection losses
            of a frame weigh: by ``'human'``, by ``'teacher'``, or by the
            name of one, which goes first. Default: 1. ``unlabelled=0``:
            frames without labels are allowed, and only distillation losses
            learn from them.
        by_score (bool): Inside of a teacher's box, losses weigh as much as
            its score.
        ignore_below (float, optional): Boxes of a teacher of a lower score
            become ignored: nothing is learned inside of them. They are also
            moved to ``ignored_instances``. With boxes of ``score_thr`` up,
            this is the zone between two thresholds.

    The logged losses are those without weights:
    :mod:`mmxkd.engine.prediction_weights` says how they are weighed.

    Raises:
        ConfigError: A weight is not a number from 0 up, a frame has no
            labels or a teacher's box no score, the detector's heads are of
            an unknown form, or batches without an end meet a loop by epochs.
    """

    priority = 'NORMAL'

    def __init__(self, weights: Mapping[str, float] | None = None,
                 by_score: bool = False,
                 ignore_below: float | None = None) -> None:
        self.weights = dict(weights or {})
        for source, weight in self.weights.items():
            if source == UNLABELLED and weight != 0:
                raise ConfigError(
                    f'LabelSourcesHook.weights.{UNLABELLED}={weight}: frames '
                    'without labels have no detection loss; expected 0')
            if not 0 <= weight < float('inf'):
                raise ConfigError(f'LabelSourcesHook.weights.{source}='
                                  f'{weight}, expected a number from 0 up')
        if ignore_below is not None and not 0 <= ignore_below <= 1:
            raise ConfigError(f'LabelSourcesHook.ignore_below={ignore_below},'
                              ' expected 0 to 1')
        self.by_score, self.ignore_below = by_score, ignore_below
        self._handles: list[Any] = []
        self._predictions: Any = None
        self._seen: Sequence[Any] = ()

    def before_train(self, runner) -> None:
        _refuse_endless_epoch(runner)
        model = bare_model(runner.model)
        detector = model._modules.get('student', model)
        if (any(weight != 1 for weight in self.weights.values())
                or self.by_score or self.ignore_below is not None):
            # It takes all heads of mmdet, which seldom are needed here.
            from mmxkd.engine.prediction_weights import PredictionWeights
            self._predictions = PredictionWeights(detector)
        self._handles = [
            detector.register_forward_pre_hook(self._begin, with_kwargs=True),
            detector.register_forward_hook(self._end, always_call=True)
        ]

    def after_train(self, runner) -> None:
        for handle in self._handles:
            handle.remove()
        if self._predictions is not None:
            self._predictions.remove()
        self._handles, self._predictions = [], None

    def after_train_iter(self, runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        for name, value in summary(self._seen).items():
            runner.message_hub.update_scalar(f'train/labels/{name}', value)
        self._seen = ()

    def _begin(self, detector, args: tuple, kwargs: Mapping) -> None:
        inputs, samples, mode = _call(args, kwargs)
        if mode != 'loss':
            return
        if UNLABELLED not in self.weights:
            check_labelled(
                samples, 'detection losses',
                'let a teacher label it by distiller.labels, or set '
                'LabelSourcesHook.weights.unlabelled=0 to learn by '
                'distillation losses alone')
        if self._predictions is not None:
            self._predictions.begin([self._frame(s) for s in samples],
                                    tuple(inputs.shape[-2:]))
        self._seen = samples

    def _end(self, detector, args: Any, output: Any) -> None:
        if self._predictions is not None:
            self._predictions.end()

    def _frame(self, sample: Any) -> FrameWeights:
        """The weights of a frame; its unsure boxes become ignored."""
        source = source_of(sample)
        of_teacher = source not in (HUMAN, UNLABELLED)
        by_default = self.weights.get(TEACHER, 1) if of_teacher else 1
        base = float(self.weights.get(source, by_default))
        boxes = sample.gt_instances
        weighs = self.by_score or self.ignore_below is not None
        if not of_teacher or not weighs:
            return FrameWeights(base, boxes.bboxes[:0],
                                boxes.bboxes.new_ones(0))
        if 'scores' not in boxes:
            raise ConfigError(
                f'{sample.metainfo.get("img_path")}: is labelled by '
                f'{source!r}, but its boxes have no scores to weigh them by; '
                'end the pipeline in mmxkd.PackMultiModalInputs')
        factors = boxes.scores if self.by_score else torch.ones_like(
            boxes.scores)
        if self.ignore_below is not None:
            sure = boxes.scores >= self.ignore_below
            factors = factors * sure
            _ignore(sample, boxes[~sure])
            sample.gt_instances = boxes[sure]
        return FrameWeights(base, boxes.bboxes, factors)


def _ignore(sample: Any, boxes: InstanceData) -> None:
    """Add boxes to the ignored ones of a sample."""
    parts = [boxes]
    if 'ignored_instances' in sample and len(sample.ignored_instances):
        parts.append(sample.ignored_instances)
    sample.ignored_instances = InstanceData(
        **{
            key: torch.cat([part[key] for part in parts])
            for key in ('bboxes', 'labels')
        })


def _call(args: tuple, kwargs: Mapping) -> tuple[Any, list, str]:
    """Inputs, samples and mode that a detector is called with."""
    given = dict(zip(('inputs', 'data_samples', 'mode'), args, strict=False))
    given.update(kwargs)
    return (given.get('inputs'), given.get('data_samples')
            or [], given.get('mode', 'tensor'))


def summary(samples: Sequence[Any]) -> dict[str, float]:
    """Frames, boxes per frame and mean score of each source.

    Args:
        samples (list): The data samples of a batch.

    Returns:
        dict[str, float]: ``frames_<source>``, ``boxes_<source>``,
        ``score_<source>``; empty where a human has labelled all frames.
    """
    sources = sorted({source_of(sample) for sample in samples})
    if sources in ([], [HUMAN]):
        return {}
    found: dict[str, float] = {}
    for source in sources:
        own = [
            samples[i] for i in frames_of(samples, source)
            if source_of(samples[i]) == source
        ]
        boxes = [sample.gt_instances for sample in own]
        found[f'frames_{source}'] = float(len(own))
        found[f'boxes_{source}'] = sum(map(len, boxes)) / len(own)
        scores = [part.scores for part in boxes if 'scores' in part]
        if source != HUMAN and any(len(part) for part in scores):
            found[f'score_{source}'] = float(torch.cat(scores).mean())
    return found


def _refuse_endless_epoch(runner) -> None:
    loader = runner.train_dataloader
    samplers = (loader.sampler, loader.batch_sampler)
    endless = any(
        isinstance(s, InfiniteSampler) or type(s).__name__ in (
            'MultiSourceSampler',
            'GroupMultiSourceSampler') or getattr(s, 'endless', False)
        for s in samplers)
    if endless and isinstance(runner.train_loop, EpochBasedTrainLoop):
        raise ConfigError(
            'train_dataloader: its sampler has no end, so the first epoch of '
            "EpochBasedTrainLoop would have none; take 'DefaultSampler' with "
            "batch_sampler=dict(type='mmxkd.MixedBatchSampler', …), or "
            'IterBasedTrainLoop')
