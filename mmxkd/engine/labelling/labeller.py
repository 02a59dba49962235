"""A whole labelling: detect in all processes, then write one file."""
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import (
    barrier,
    broadcast_object_list,
    get_dist_info,
    init_dist,
    is_distributed,
)
from mmengine.registry import init_default_scope

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.best_threshold import Threshold
from mmxkd.evaluation.functional.box_fusion import Detections
from mmxkd.formats.pseudo_labels import format_coco
from mmxkd.io.atomic import write_atomic, write_json
from mmxkd.io.escape import escape
from mmxkd.version import __version__

from .detect import Job, ranges, run
from .labels import (
    Fusion,
    annotations,
    find_thresholds,
    frame_labels,
    given_thresholds,
    threshold_table,
)
from .progress import Progress, files_of
from .source import Source, find_source
from .stage import Stage, prepare
from .teachers import Teacher

#: How many of the frames that are left out are printed.
_SHOWN = 10


@dataclass
class Request:
    """What is to be labelled, by whom, and where the labels go.

    Attributes:
        teachers: One, or several whose boxes are fused.
        out: The file to write.
        data, ann: See :func:`mmxkd.engine.labelling.source.find_source`.
        loader: Data loader of the configs whose pipeline reads the frames.
        score_thr: Words of ``--score-thr``; without, or for classes that
            they leave open, the best F1 on ``val_dataloader``.
        fusion: How several teachers are joined.
        overwrite: Replace a file or a progress of other settings.
    """

    teachers: Sequence[Teacher]
    out: Path
    data: str | None = None
    ann: str | None = None
    loader: str = 'test_dataloader'
    score_thr: Sequence[str] = ()
    fusion: Fusion = field(default_factory=Fusion)
    overwrite: bool = False


def label(request: Request) -> dict[str, Any] | None:
    """Label all frames; in every process of a launcher.

    Returns:
        dict: The COCO file; None in other processes than the first, and
        where it was complete already.

    Raises:
        ConfigError, CorruptSampleError, CheckpointError: The request cannot
            be carried out; nothing is written then.
        OSError: E.g. for a full disk; names the file.
    """
    cfg = request.teachers[0].cfg
    launcher = cfg.get('launcher', 'none')
    if launcher != 'none' and not is_distributed():
        init_dist(launcher, **(cfg.get('env_cfg') or {}).get('dist_cfg', {}))
    init_default_scope(cfg.get('default_scope') or 'mmdet')
    rank, _ = get_dist_info()
    progress = Progress(request.out)
    work = _Work(request, progress) if rank == 0 else None
    # The first process prepares; the others hear from it what to do.
    jobs: list[Any] = [work.jobs() if work is not None else None]
    broadcast_object_list(jobs)
    for job in jobs[0]:
        run(job, request.teachers[job.teacher], progress.folder)
        barrier()
    return work.finish() if work is not None else None


class _Work:
    """What the first process knows of the whole."""

    def __init__(self, request: Request, progress: Progress) -> None:
        self.request, self.progress = request, progress
        first = request.teachers[0]
        self.source = find_source(first.dataset(request.loader), request.data,
                                  request.ann)
        self.classes = _names(self.source, first)
        self.targets = [t.targets(self.classes) for t in request.teachers]
        self.given = given_thresholds(request.score_thr, self.classes)
        self.val: Source | None = None
        if len(self.given) < len(self.classes):
            self.val = find_source(first.dataset('val_dataloader'))
        self.stages: list[Stage] = []

    def jobs(self) -> list[Job]:
        """Begin, or go on: what is left for the teachers to do."""
        teachers = self.request.teachers
        self.settings = self._settings()
        if self.progress.claim(self.settings, self.request.overwrite):
            print(f'{self.request.out}: is complete already')
            return []
        folder = self.progress.folder
        todo = [('data', self.request.loader, self.source)]
        if self.val is not None:
            todo.append(('val', 'val_dataloader', self.val))
        for name, loader, source in todo:
            stage = prepare(name, loader, source, teachers, folder)
            self.stages.append(stage)
            if stage.left_out:
                print(_left_out(stage, source.path))
        return [
            job for stage in self.stages for number in range(len(teachers))
            if (job := self._job(stage, number)) is not None
        ]

    def _settings(self) -> dict[str, Any]:
        """What the labels depend on, as JSON gives it back."""
        request, teachers = self.request, self.request.teachers
        settings: dict[str, Any] = {
            'version': __version__,
            'classes': self.classes,
            'data': self._reading(request.loader, self.source),
            'threshold': sorted(request.score_thr) or 'best F1',
            'validation data': self.val
            and self._reading('val_dataloader', self.val),
            'fusion': asdict(request.fusion) if len(teachers) > 1 else None,
        }
        for number, teacher in enumerate(teachers, start=1):
            settings[f'checkpoint of teacher {number}'] = teacher.sha256
            settings[f'class map of teacher {number}'] = teacher.class_map
        return json.loads(json.dumps(settings))

    def _reading(self, loader: str, source: Source) -> dict[str, Any]:
        """A list of frames, and how the teachers read it."""
        teachers = self.request.teachers
        return {
            'frames': source.sha256,
            'models and pipelines': [t.fingerprint(loader) for t in teachers],
            'batch size': teachers[0].cfg[loader].get('batch_size', 1),
        }

    def _job(self, stage: Stage, number: int) -> Job | None:
        name = f'{stage.name}/{number}'
        batches = stage.batches()
        pending = self.progress.pending(name, stage)
        if len(pending) < len(batches):
            print(f'{name}: {len(batches) - len(pending)} of {len(batches)} '
                  'batches were done before')
        if not pending:
            return None
        path = self.progress.folder / f'{stage.name}_batches.json'
        write_json(path, [{
            'ids': [frame.img_id for frame in batch],
            'files': [str(p) for p in files_of(batch)]
        } for batch in batches])
        return Job(name, number, stage.loader, stage.datasets[number],
                   stage.batch_size, ranges(pending), str(path))

    def finish(self) -> dict[str, Any] | None:
        """Write the labels; nothing if they are complete already."""
        if not self.stages:
            return None
        thresholds, best = dict(self.given), {}
        if self.val is not None:
            val = self.stages[1]
            found = find_thresholds(self._labels(val), val.frames,
                                    self.classes,
                                    self.request.teachers[0].class_map,
                                    self.val.path)
            best = {
                name: t for name, t in found.items() if name not in self.given
            }
            thresholds.update({n: t.score for n, t in best.items()})
        content = self._content(thresholds, best)
        text = format_coco(content).encode()
        write_atomic(self.request.out, lambda file: file.write(text))
        self.progress.remove()
        kept = Counter(a['category_id'] for a in content['annotations'])
        print(
            threshold_table(self.classes, thresholds, best,
                            [kept[c['id']] for c in content['categories']]))
        print(f'{self.request.out}: {len(content["annotations"])} labels in '
              f'{len(content["images"])} frames')
        return content

    def _labels(self, stage: Stage) -> Iterator[Detections]:
        teachers = self.request.teachers
        records = zip(
            *(self.progress.records(f'{stage.name}/{k}', stage)
              for k in range(len(teachers))), strict=True)
        for frame, parts in zip(stage.frames, records, strict=True):
            yield frame_labels(parts, teachers, self.targets,
                               self.request.fusion, frame)

    def _content(self, thresholds: dict[str, float],
                 best: dict[str, Threshold]) -> dict[str, Any]:
        data = self.stages[0]
        labels = list(self._labels(data))
        minimum = np.array([thresholds[name] for name in self.classes])
        categories = self.source.category_entries or [{
            'id': k, 'name': name
        } for k, name in enumerate(self.classes, start=1)]
        found = list(
            annotations(labels, data.frames, minimum,
                        [c['id'] for c in categories]))
        if not found:
            raise ConfigError(
                _nothing(labels, self.classes, thresholds, self.source.path))
        first, *others = [t.described() for t in self.request.teachers]
        return {
            'info': {
                'description': 'labels by a teacher, written by mmxkd '
                'tools/label.py',
                'teacher': {
                    **first,
                    'fused_with': others,
                    'fusion': self.settings['fusion'],
                    'thresholds': thresholds,
                    'on_validation': {
                        name: dict(t._asdict(), iou_thr=0.5)
                        for name, t in best.items()
                    },
                    'mmxkd_version': __version__,
                },
                'data': {
                    'path': self.source.path,
                    'pictures': _pictures(data.datasets[0], self.source),
                },
                'left_out': [{'file_name': name, 'why': why}
                             for name, why in data.left_out],
                'settings': self.settings,
            },
            'images': [frame.entry for frame in data.frames],
            'annotations': found,
            'categories': categories,
        }


def _names(source: Source, teacher: Teacher) -> tuple[str, ...]:
    """Names of the labels: those of the list, else those of the teacher."""
    return (source.categories
            or tuple(dict.fromkeys(teacher.class_map.values()))
            or teacher.classes)


def _pictures(dataset: Mapping[str, Any], source: Source) -> str:
    """The folder that file names of pictures are relative to."""
    prefix = (dataset.get('data_prefix') or {}).get('img') or ''
    return (str(Path(source.data_root, prefix)) if source.content is not None
            else source.data_root)


def _left_out(stage: Stage, path: str) -> str:
    """A list of the frames that nobody labels."""
    shown = [
        f'  {escape(name)}: {escape(why)}'
        for name, why in stage.left_out[:_SHOWN]
    ]
    if len(stage.left_out) > _SHOWN:
        shown.append(f'  … and {len(stage.left_out) - _SHOWN} more')
    total = len(stage.frames) + len(stage.left_out)
    return '\n'.join([
        f'{path}: {len(stage.left_out)} of {total} frames are left out:',
        *shown
    ])


def _nothing(labels: Sequence[Detections], classes: Sequence[str],
             thresholds: Mapping[str, float], path: str) -> str:
    """Why there is no label at all."""
    best = {
        name: max((float(d.scores[d.labels == k].max())
                   for d in labels if (d.labels == k).any()), default=0.)
        for k, name in enumerate(classes)
    }
    told = ', '.join(f'{name}: best score {best[name]:.4f}, threshold '
                     f'{thresholds[name]:.4f}' for name in classes)
    return (f'{path}: no detection in {len(labels)} frames is above the '
            f'threshold ({told}). Is it the right teacher, and does it know '
            'such pictures? If so, give lower thresholds with --score-thr '
            'and start anew with --overwrite')
