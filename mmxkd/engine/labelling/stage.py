"""The frames that all teachers of a labelling look at, and their files."""
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.io.atomic import write_json

from .source import Source, dataset_class
from .teachers import Teacher


@dataclass(frozen=True)
class Frame:
    """A frame to look at.

    Attributes:
        img_id: As the samples of the dataset have it.
        entry: Its entry among the ``images`` of the labels.
        files: What its sample is read from.
        truth: Boxes of humans, if it has any: name of the class, xyxy in
            pixels, whether it is a region to ignore.
    """

    img_id: int | str
    entry: dict[str, Any]
    files: tuple[str, ...]
    truth: tuple[tuple[str, tuple[float, ...], bool], ...] = ()


@dataclass
class Stage:
    """Frames, as each teacher reads them.

    Attributes:
        name: ``'data'``, or ``'val'`` for those that thresholds come from.
        loader: The data loader of the configs that reads them.
        frames: Those that every teacher can see.
        left_out: Name and reason of each of the others.
        datasets: The dataset config of each teacher.
        batch_size: How many go through a teacher at once.
    """

    name: str
    loader: str
    frames: list[Frame]
    left_out: list[tuple[str, str]]
    datasets: list[dict[str, Any]]
    batch_size: int

    def batches(self) -> list[list[Frame]]:
        """The same for any number of processes, as are all roundings."""
        size = self.batch_size
        return [
            self.frames[k:k + size] for k in range(0, len(self.frames), size)
        ]


def prepare(name: str, loader: str, source: Source,
            teachers: Sequence[Teacher], folder: Path) -> Stage:
    """Find the frames that all teachers can see; write their lists.

    Args:
        name (str): Of the stage.
        loader (str): A data loader of the configs.
        source (Source): The list of frames.
        teachers (Sequence[Teacher]): Who looks at them.
        folder (Path): Gets a list of frames for each teacher.

    Raises:
        ConfigError: No frame is left, or the datasets of the teachers read
            other frames.
        CorruptSampleError: A frame cannot be used.
    """
    datasets = [
        _dataset_config(teacher, loader, source,
                        folder / f'{name}_{number}.json')
        for number, teacher in enumerate(teachers)
    ]
    images = source.content['images'] if source.content is not None else []
    _write_lists(datasets, teachers, source, images)
    every: list[list[Frame]] = []
    missing: dict[int, str] = {}
    for teacher, config in zip(teachers, datasets, strict=True):
        frames, absent = _look(config, source)
        if every and [f.img_id
                      for f in frames] != [f.img_id for f in every[0]]:
            raise ConfigError(
                f'{teacher.cfg.filename}: its {loader} reads other frames '
                f'than that of {teachers[0].cfg.filename}; name a list that '
                'both can read with --data or --ann')
        every.append(frames)
        missing = {**absent, **missing}
    left_out = [(every[0][k].entry['file_name'], missing[k])
                for k in sorted(missing)]
    if len(left_out) == len(every[0]):
        raise ConfigError(f'{source.path}: no frame is left: each lacks a '
                          f'file; {left_out[0][0]} {left_out[0][1]}')
    if left_out and source.content is None:
        raise CorruptSampleError(
            left_out[0][0], 'frame', f'{left_out[0][1]}; {len(left_out)} '
            f'such frames cannot be labelled: take them off {source.path}')
    if left_out:
        _write_lists(datasets, teachers, source,
                     [i for k, i in enumerate(images) if k not in missing])
    kept = [
        # What one of the teachers reads is read again when it changes.
        replace(
            views[0],
            files=tuple(dict.fromkeys(f for view in views
                                      for f in view.files)))
        for k, views in enumerate(zip(*every, strict=True)) if k not in missing
    ]
    return Stage(name, loader, kept, left_out, datasets,
                 teachers[0].cfg[loader].get('batch_size', 1))


def _write_lists(datasets: Sequence[Mapping[str, Any]],
                 teachers: Sequence[Teacher], source: Source,
                 images: Sequence[Mapping[str, Any]]) -> None:
    """Write the frames as COCO files, each with the classes of a teacher."""
    if source.content is None:
        return
    for config, teacher in zip(datasets, teachers, strict=True):
        write_json(
            config['ann_file'], {
                'images': list(images), 'annotations': [],
                'categories': [{'id': k, 'name': name}
                               for k, name in enumerate(teacher.classes, 1)]
            })


def _look(config: Mapping[str, Any],
          source: Source) -> tuple[list[Frame], dict[int, str]]:
    """All frames as a dataset reads them; what is missing, by number."""
    dataset = _build(config)
    infos = [dataset.get_data_info(k) for k in range(len(dataset))]
    keys = paths_read(dataset, infos)
    absent = {k: _absent(info, keys) for k, info in enumerate(infos)}
    return (_frames(infos, keys, dataset, source),
            {k: f'has no {paths[0]}' for k, paths in absent.items() if paths})


def _build(config: Mapping[str, Any]) -> BaseDataset:
    # It is read once, here: no need to prepare it for workers.
    dataset = DATASETS.build(dict(config, serialize_data=False))
    dataset.full_init()
    return dataset


def _dataset_config(teacher: Teacher, loader: str, source: Source,
                    path: Path) -> dict[str, Any]:
    """The dataset of a teacher, with other frames."""
    config = teacher.dataset(loader)
    config.update(getattr(dataset_class(config), 'FOR_LABELLING', {}),
                  test_mode=True)
    config.pop('filter_cfg', None)
    if source.content is not None:
        config.update(
            ann_file=str(path.resolve()), data_root=source.data_root,
            metainfo=dict(
                config.get('metainfo') or {}, classes=teacher.classes))
        if source.is_folder:
            config.update(data_prefix=dict(img=''))
    else:
        if source.data_root:
            config.update(data_root=source.data_root)
        if Path(source.path).is_file():
            config.update(ann_file=str(Path(source.path).resolve()))
    return config


class _Recording(dict):
    """A sample that notes which of its keys somebody asks for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def paths_read(dataset: BaseDataset,
               infos: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of a sample whose files the pipeline of a dataset reads.

    A dataset names more files than one model sees: slices that a model of
    colour images never loads may be missing.

    Raises:
        CorruptSampleError: A frame that has all files that were asked for
            cannot be loaded. Likewise ConfigError, KeyError and OSError.
    """
    known = {
        key for info in infos for key in info
        if key.endswith(('_path', '_paths')) and info[key]
    }
    keys: list[str] = []
    while True:
        # A file that is missing ends a pipeline; but it was asked for, so
        # that the next frame to try has it.
        whole = next(
            (k for k, info in enumerate(infos) if not _absent(info, keys)),
            None)
        if whole is None:
            return keys
        sample = _Recording(infos[whole])
        try:
            dataset.pipeline(sample)
        except (ConfigError, CorruptSampleError, KeyError, OSError):
            lost = {
                key for key in known & sample.asked
                if _absent(infos[whole], [key])
            }
            if not lost:
                raise
            keys = sorted(lost.union(keys))
        else:
            return sorted(known & sample.asked)


def _files(info: Mapping[str, Any], key: str) -> list[str]:
    value = info.get(key) or []
    return [value] if isinstance(value, str) else list(value)


def _absent(info: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """The files of a frame that are not there."""
    absent = []
    for key in keys:
        files = _files(info, key)
        if not files:
            absent.append(key)
        absent += [
            path for path in files
            if '://' not in path and not os.path.isfile(path)
        ]
    return absent


def _frames(infos: Sequence[Mapping[str, Any]], keys: Sequence[str],
            dataset: BaseDataset, source: Source) -> list[Frame]:
    if source.content is None:
        classes = dataset.metainfo['classes']
        entries = [
            _entry(k, info, source.data_root)
            for k, info in enumerate(infos, start=1)
        ]
        truths = [
            tuple((classes[i['bbox_label']], tuple(map(float, i['bbox'])),
                   bool(i['ignore_flag'])) for i in info.get('instances', ()))
            for info in infos
        ]
    else:
        entries, truths = source.content['images'], _truths(source.content)
        if [i['img_id'] for i in infos] != [e['id'] for e in entries]:
            raise ConfigError(f'{source.path}: {type(dataset).__name__} reads '
                              'other frames than the file lists')
    return [
        Frame(info['img_id'], entry,
              tuple(f for key in keys for f in _files(info, key)), truth)
        for info, entry, truth in zip(infos, entries, truths, strict=True)
    ]


def _truths(content: Mapping[str, Any]) -> list[tuple]:
    """:attr:`Frame.truth` of each frame of a COCO file."""
    names = {c['id']: c['name'] for c in content['categories']}
    boxes: dict[Any, list] = {image['id']: [] for image in content['images']}
    for annotation in content['annotations']:
        x, y, width, height = annotation['bbox']
        boxes[annotation['image_id']].append(
            (names[annotation['category_id']], (x, y, x + width, y + height),
             bool(annotation.get('iscrowd') or annotation.get('ignore'))))
    return list(map(tuple, boxes.values()))


def _entry(number: int, info: Mapping[str, Any],
           data_root: str) -> dict[str, Any]:
    """The COCO entry of a frame of another form."""
    path = Path(info['img_path'])
    if Path(data_root) in path.parents:
        path = path.relative_to(data_root)
    entry = {'id': number, 'file_name': path.as_posix()}
    entry.update((key, info[key]) for key in ('width', 'height', 'frame_id')
                 if key in info)
    return entry
