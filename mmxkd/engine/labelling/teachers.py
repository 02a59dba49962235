"""The teachers of a labelling, and what their classes become."""
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmxkd.engine import launch
from mmxkd.engine.meaning import (
    check_tested,
    meaning_of_checkpoint,
    meaning_of_config,
)
from mmxkd.engine.mirrored import mirrored
from mmxkd.engine.weights import read_checkpoint
from mmxkd.errors import CheckpointError, ConfigError, check_name

from .source import dataset_class


@dataclass
class Teacher:
    """A detector that labels.

    Attributes:
        cfg: Its whole config.
        checkpoint: Its file.
        class_map: From names of its classes to names of the labels; empty:
            they are the same.
        mirrored: It reads mirror images of the frames.
        classes: Names of its classes, in their order.
        sha256: Of the checkpoint.
    """

    cfg: Config
    checkpoint: str
    class_map: dict[str, str] = field(default_factory=dict)
    mirrored: bool = False
    classes: tuple[str, ...] = field(init=False)
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        if self.cfg.get('default_scope') == 'mmdet3d':
            raise ConfigError(
                f'{self.cfg.filename}: 3-D boxes do not go into a COCO file. '
                'For result files in the form of KITTI, run tools/test.py '
                f'{self.cfg.filename} {self.checkpoint} --out FOLDER')
        if '://' in self.checkpoint:
            raise ConfigError(
                f'{self.checkpoint}: expected a local file: its checksum '
                'goes into the labels')
        launch.student_alone(self.cfg)
        self.classes = self._find_classes()
        with open(self.checkpoint, 'rb') as file:
            self.sha256 = hashlib.file_digest(file, 'sha256').hexdigest()

    @property
    def name(self) -> str:
        """The stem of its config's name."""
        return Path(self.cfg.filename).stem

    def _find_classes(self) -> tuple[str, ...]:
        """Of the checkpoint, and the same of the config.

        Raises:
            ConfigError: It was trained on other classes, inputs or sizes than
                the config says.
        """
        dataset = self.dataset('test_dataloader')
        stated = dict(getattr(dataset_class(dataset), 'METAINFO', {}),
                      **dataset.get('metainfo') or {}).get('classes') or ()
        names = (stated, ) if isinstance(stated, str) else tuple(stated)
        meaning = meaning_of_checkpoint(read_checkpoint(self.checkpoint))
        # Those of the dataset are compared here, with more to say.
        check_tested(replace(meaning, classes=None),
                     meaning_of_config(self.cfg, 'test_dataloader'),
                     self.checkpoint)
        found = meaning.classes
        if names and found and names != found:
            raise ConfigError(
                f'{self.checkpoint} was trained on the classes {found}, but '
                f'the dataset of {self.cfg.filename} has {names}: '
                + difference(found, names))
        if not (found or names):
            raise ConfigError(
                f'{self.checkpoint}: neither it nor the dataset of '
                f'{self.cfg.filename} names the classes; set '
                'test_dataloader.dataset.metainfo=dict(classes=(…))')
        return found or names

    def dataset(self, loader: str) -> dict[str, Any]:
        """The dataset config of one of its data loaders, unwrapped.

        Raises:
            ConfigError: There is none, several are joined, or its pipeline
                cannot be mirrored.
        """
        part = (self.cfg.get(loader) or {}).get('dataset')
        while isinstance(part, Mapping) and isinstance(part.get('dataset'),
                                                       Mapping):
            part = part['dataset']
        if not isinstance(part, Mapping) or 'type' not in part:
            raise ConfigError(f'{self.cfg.filename}: has no {loader}.dataset')
        if 'datasets' in part:
            raise ConfigError(
                f'{self.cfg.filename}: {loader}.dataset joins several '
                'datasets; label one after the other')
        part = {'_scope_': self.cfg.get('default_scope') or 'mmdet', **part}
        if self.mirrored:
            part['pipeline'] = mirrored(
                part.get('pipeline') or [], f'{self.cfg.filename}: {loader}',
                'label without --mirror')
        return part

    def targets(self, labels: Sequence[str]) -> list[int]:
        """For each of its classes the index among ``labels``; -1: dropped.

        Raises:
            ConfigError: Its classes are not those of the labels, and
                ``class_map`` does not say what becomes of them; or the map
                names a class that does not exist.
        """
        where = f'--class-map of {self.cfg.filename}'
        for own, label in self.class_map.items():
            check_name('class of the teacher', own, self.classes, where)
            check_name('label', label, labels, where)
        if not self.class_map and self.classes != tuple(labels):
            raise ConfigError(
                f'teacher {self.cfg.filename} has the classes {self.classes}, '
                f'but the labels are to be {tuple(labels)}: '
                + difference(self.classes, labels)
                + '. Say which is which: --class-map '
                + _suggested_map(self.classes, labels))
        names = [self.class_map.get(name, '') for name in self.classes
                 ] if self.class_map else list(self.classes)
        return [labels.index(name) if name in labels else -1 for name in names]

    def fingerprint(self, loader: str) -> str:
        """Of its model and a pipeline, on which detections depend."""
        seen = [self.cfg.model, self.dataset(loader).get('pipeline')]
        text = json.dumps(_plain(seen), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def described(self) -> dict[str, Any]:
        """What the labels say of it."""
        return {
            'name': self.name,
            'config': str(self.cfg.filename),
            'checkpoint': self.checkpoint,
            'checkpoint_sha256': self.sha256,
            'classes': list(self.classes),
            'class_map': dict(sorted(self.class_map.items())),
            'mirrored': self.mirrored,
        }


def difference(found: Sequence[str], wanted: Sequence[str]) -> str:
    """How two lists of classes differ, in words.

    Examples:
        >>> difference(['a', 'b'], ['b', 'a'])
        'the order differs'
        >>> difference(['a', 'b'], ['a'])
        '2 classes instead of 1'
        >>> difference(['a', 'b'], ['a', 'c'])
        "'b' stands where 'c' should"
    """
    if sorted(found) == sorted(wanted):
        return 'the order differs'
    if len(found) != len(wanted):
        return f'{len(found)} classes instead of {len(wanted)}'
    own, other = next(
        (a, b) for a, b in zip(found, wanted, strict=True) if a != b)
    return f'{own!r} stands where {other!r} should'


def _suggested_map(classes: Sequence[str], labels: Sequence[str]) -> str:
    """Equal names first; what has none, by its place."""
    pairs = dict(zip(classes, labels, strict=False))
    pairs.update((name, name) for name in classes if name in labels)
    return ' '.join(f'{own}={label}' for own, label in pairs.items())


def check_label(label: int, teacher: Teacher) -> None:
    """Raise where a detector gives a class that has no name.

    Raises:
        CheckpointError: Names the file.
    """
    if not 0 <= label < len(teacher.classes):
        raise CheckpointError(
            f'{teacher.checkpoint}: gives the class {label}, but only '
            f'{len(teacher.classes)} have names: {teacher.classes}')


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
