"""Detections of a teacher, batch by batch, into a journal.

A batch is the unit of the work: it always holds the same frames, however many
processes share the batches and wherever a run was killed. So every number is
computed from the same inputs in the same arrangement, and the labels are the
same to the byte.
"""
import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import get_dist_info
from mmengine.evaluator import BaseMetric
from mmengine.registry import DATA_SAMPLERS

from mmxkd.engine import launch
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.io.journal import Journal
from mmxkd.io.text import read_json
from mmxkd.registry import METRICS

from .teachers import Teacher

#: Decimals of a box, in pixels, and of a score.
BOX_DECIMALS, SCORE_DECIMALS = 2, 4


@dataclass(frozen=True)
class Job:
    """What the processes do together.

    Attributes:
        name: Of the batches in the journals, e.g. ``'data/0'``.
        teacher: Its number.
        loader: The data loader of its config.
        dataset: The dataset config.
        batch_size: Frames in a batch.
        pending: Numbers of the batches to do, as :func:`ranges` writes them.
        batches_file: Lists ids and files of the frames of each batch.
    """

    name: str
    teacher: int
    loader: str
    dataset: dict[str, Any]
    batch_size: int
    pending: str
    batches_file: str


def ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers in short.

    Examples:
        >>> ranges([0, 1, 2, 5, 7, 8])
        '0-2,5,7-8'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ','.join(str(a) if a == b else f'{a}-{b}' for a, b in parts)


def numbers_of(text: str) -> list[int]:
    """What :func:`ranges` wrote.

    Examples:
        >>> numbers_of('0-2,5')
        [0, 1, 2, 5]
    """
    found: list[int] = []
    for part in filter(None, text.split(',')):
        first, _, last = part.partition('-')
        found += range(int(first), int(last or first) + 1)
    return found


@DATA_SAMPLERS.register_module()
class ChosenBatches:
    """The batches of a dataset that are still to be done by this process.

    Args:
        sampler: Anything with the length of the dataset.
        batch_size (int): Frames in each batch but the last.
        chosen (str): Numbers of the batches, e.g. ``'0-9,12'``. The
            processes deal them out among each other.
    """

    def __init__(self, sampler: Any, batch_size: int, chosen: str) -> None:
        rank, world_size = get_dist_info()
        self._own = numbers_of(chosen)[rank::world_size]
        self._size = len(sampler.dataset)
        self._batch_size = batch_size

    def __len__(self) -> int:
        return len(self._own)

    def __iter__(self) -> Iterator[list[int]]:
        for number in self._own:
            first = number * self._batch_size
            yield list(range(first, min(first + self._batch_size, self._size)))


@METRICS.register_module()
class DetectionJournal(BaseMetric):
    """Writes what a detector finds into a journal; measures nothing.

    Args:
        folder (str): Holds one journal per process.
        job (str): Name of the batches.
        batches_file (str): Lists ids and files of the frames of each batch.
        checkpoint (str): For error messages.
    """

    default_prefix = 'labels'

    def __init__(self, folder: str, job: str, batches_file: str,
                 checkpoint: str) -> None:
        super().__init__()
        self._journal = Journal(journal_path(Path(folder), get_dist_info()[0]))
        self._job, self._checkpoint = job, checkpoint
        self._batches = read_json(batches_file, 'frames')
        self._number_of = {
            batch['ids'][0]: k for k, batch in enumerate(self._batches)
        }

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Write one batch down.

        Raises:
            CheckpointError: The detector gives a number that is not finite,
                or no boxes.
            ConfigError: The samples do not say which frames they are.
        """
        ids = [sample.get('img_id') for sample in data_samples]
        number = self._number_of.get(ids[0])
        if number is None or self._batches[number]['ids'] != ids:
            raise ConfigError(
                f'{self._job}: the frames {ids} are not a batch of the list; '
                "does the pipeline pack the meta key 'img_id'?")
        files = [Path(f) for f in self._batches[number]['files']]
        self._journal.add(f'{self._job}/{number}', files,
                          [self._record(sample) for sample in data_samples])

    def _record(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        where = sample.get('img_path', sample.get('img_id'))
        found = sample.get('pred_instances')
        if found is None or 'bboxes' not in found:
            raise CheckpointError(
                f'{self._checkpoint}: gives no boxes for {where}; expected a '
                'detector of mmdet, with pred_instances.bboxes')
        if 'ori_shape' not in sample:
            raise ConfigError("the pipeline does not pack the meta key "
                              "'ori_shape'")
        boxes, scores = (found[key].cpu().numpy().astype(np.float64)
                         for key in ('bboxes', 'scores'))
        for key, values in (('score', scores), ('box', boxes)):
            if not np.isfinite(values).all():
                raise CheckpointError(
                    f'{self._checkpoint}: gives a {key} that is not finite '
                    f'for {where}')
        if len(scores) and not (0 <= scores.min() and scores.max() <= 1.0001):
            raise CheckpointError(
                f'{self._checkpoint}: gives the score {scores.max():g} for '
                f'{where}, expected 0 to 1')
        return {
            'size': [int(side) for side in sample['ori_shape'][1::-1]],
            'boxes': np.round(boxes, BOX_DECIMALS).tolist(),
            'scores': np.round(scores.clip(0, 1), SCORE_DECIMALS).tolist(),
            'labels': found['labels'].cpu().numpy().tolist(),
        }

    def compute_metrics(self, results: list) -> dict:
        return {}

    def evaluate(self, size: int) -> dict:
        """Nothing: the results are in the journals of all processes."""
        return {}


def journal_path(folder: Path, rank: int) -> Path:
    """The journal of a process."""
    return folder / f'detections_{rank}.jsonl'


def run(job: Job, teacher: Teacher, folder: Path) -> None:
    """Let this process detect its share of the pending batches."""
    launch.build_runner(_runner_config(job, teacher, folder)).test()


def _runner_config(job: Job, teacher: Teacher, folder: Path) -> Config:
    """What a teacher's config says of testing, with other frames.

    The rest is left out: mmengine formats the whole config several times,
    which takes seconds.
    """
    cfg = copy.deepcopy(teacher.cfg)
    loader = dict(cfg[job.loader])
    for key in ('batch_sampler', 'num_batch_per_epoch', 'drop_last',
                'batch_size'):
        loader.pop(key, None)
    kept = {key: cfg[key] for key in _KEPT if key in cfg}
    hooks = cfg.get('default_hooks') or {}
    return Config({
        **kept,
        'test_dataloader': dict(
            loader, dataset=job.dataset, batch_size=job.batch_size,
            sampler=dict(type='DefaultSampler', shuffle=False),
            batch_sampler=dict(type='ChosenBatches', chosen=job.pending)),
        'test_evaluator': dict(type='mmxkd.DetectionJournal',
                               folder=str(folder), job=job.name,
                               batches_file=job.batches_file,
                               checkpoint=teacher.checkpoint),
        'test_cfg': dict(dict(type='TestLoop'),
                         **cfg.get('test_cfg') or {}),
        'load_from': teacher.checkpoint,
        # The fastest algorithm now may be another one in the next run.
        'env_cfg': dict(cfg.get('env_cfg') or {}, cudnn_benchmark=False),
        # Logs say how far it is; nothing is trained, saved or drawn.
        'default_hooks': dict(
            runtime_info=None, param_scheduler=None, checkpoint=None,
            sampler_seed=None,
            **{key: hooks[key] for key in ('timer', 'logger')
               if key in hooks}),
        'visualizer': dict(type='Visualizer', vis_backends=[]),
        # mmengine keeps a logger for each name.
        'experiment_name': f'label_{next(_NUMBERS)}',
    })


_NUMBERS = itertools.count()
_KEPT = ('model', 'work_dir', 'custom_hooks', 'default_scope', 'launcher',
         'log_level', 'log_processor', 'randomness', 'runner_type',
         'model_wrapper_cfg')
