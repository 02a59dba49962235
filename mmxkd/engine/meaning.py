"""What a model's file, its config and a data set say of classes and inputs.

Two tensors of one shape may mean different things: class 0 may be a car here
and a person there. Shapes are compared elsewhere; this compares what they
stand for.
"""
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmengine.logging import print_log

from mmxkd.errors import ConfigError

from .plain_config import read_plain_config

#: Options of a data preprocessor by which an input means something else.
INPUT_KEYS = ('modalities', 'channels', 'mean', 'std', 'max_value',
              'bgr_to_rgb', 'rgb_to_bgr', 'depth_norm')
#: Preprocessor → what it does where its config does not say: leaving an
#: option out means as much as to state its default.
DEFAULTS: Mapping[str, Mapping[str, Any]] = dict(
    Mono3DDataPreprocessor=dict(modalities=('img', ), depth_norm='plain'),
    ModalityDetDataPreprocessor=dict(modalities=('img', 'gated')))


@dataclass
class Meaning:
    """What is known of a model; an unknown part is None or left out.

    Attributes:
        classes (tuple[str] | None): Names of its classes, in their order.
        inputs (dict): Options of its data preprocessor that say what its
            inputs are.
        size (tuple[int, int] | None): Width and height that its training
            brings every picture to, where distances rely on that.
    """
    classes: tuple[str, ...] | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None


def meaning_of_config(cfg: Any, loader: str = 'train_dataloader') -> Meaning:
    """Of a config, or of a model dict.

    The classes are those of ``metainfo``, of the whole config or of the data
    set that it is trained on, whatever wraps that.

    Args:
        cfg: A mapping.
        loader (str): Whose pipeline tells the size.
    """
    if not isinstance(cfg, Mapping) and not hasattr(cfg, 'get'):
        return Meaning()
    classes = None
    for part in (cfg, *_data_sets(_at(cfg, ('train_dataloader', 'dataset')))):
        metainfo = part.get('metainfo')
        if classes is None and isinstance(metainfo, Mapping):
            classes = _names(metainfo.get('classes'))
    model = cfg if 'type' in cfg else cfg.get('model') or {}
    model = model.get('student') or model
    inputs = _inputs(model.get('data_preprocessor') or {})
    return Meaning(classes, inputs, _size_of(_at(cfg, (loader, 'dataset'))))


def meaning_of_checkpoint(content: Any) -> Meaning:
    """Of a checkpoint as mmengine writes it: ``meta``, read but not run."""
    meta = content.get('meta') if isinstance(content, Mapping) else None
    if not isinstance(meta, Mapping):
        return Meaning()
    text = meta.get('cfg')
    stated = read_plain_config(text) if isinstance(text, str) else {}
    found = meaning_of_config(stated)
    data = meta.get('dataset_meta')
    if isinstance(data, Mapping):
        names = data.get('classes', data.get('CLASSES'))
        found.classes = _names(names) or found.classes
    return found


def check_inputs(stated: Meaning, now: Meaning, name: str, path: str) -> None:
    """Compare what a teacher's file was trained on with its config now.

    Raises:
        ConfigError: An option differs; names both values.
    """
    for key, then in stated.inputs.items():
        if key in now.inputs and now.inputs[key] != then:
            raise ConfigError(
                f'teachers.{name}: {path} was trained with data_preprocessor.'
                f'{key}={then}, but its config says {now.inputs[key]}: it '
                'would see other inputs than it knows. If this is meant, set '
                f'teachers.{name}.check_meaning=False')
    if None not in (stated.classes, now.classes):
        if stated.classes != now.classes:
            raise ConfigError(
                f'teachers.{name}: {path} was trained on the classes '
                f'{stated.classes}, but its config says {now.classes}. If '
                f'this is meant, set teachers.{name}.check_meaning=False')
    if None not in (stated.size, now.size) and stated.size != now.size:
        raise ConfigError(
            f'teachers.{name}: {path} was trained on pictures of '
            f'{stated.size} (img_scale of AffineResize), but its config says '
            f'{now.size}: objects would seem nearer or farther to it. If this '
            f'is meant, set teachers.{name}.check_meaning=False')


def check_tested(stated: Meaning, now: Meaning, path: str) -> None:
    """Compare what a checkpoint was trained on with the config of a test.

    A teacher of depth and its student have weights of the same names and
    shapes, so that nothing else would tell them apart.

    Raises:
        ConfigError: Classes, inputs or sizes differ; names both.
    """
    for key, then in stated.inputs.items():
        if key in now.inputs and now.inputs[key] != then:
            raise ConfigError(
                f'{path} was trained with data_preprocessor.{key}={then}, but '
                f'the config says {now.inputs[key]}: it would see other '
                'inputs than it knows; test it with its own config')
    if None not in (stated.classes, now.classes):
        if stated.classes != now.classes:
            raise ConfigError(
                f'{path} was trained on the classes {stated.classes}, in this '
                f'order, but the config says {now.classes}: its labels would '
                'be read as others; give metainfo of the data sets the same '
                'classes')
    if None not in (stated.size, now.size) and stated.size != now.size:
        raise ConfigError(
            f'{path} was trained on pictures of {stated.size} (img_scale of '
            f'AffineResize), but test_dataloader gives {now.size}: objects '
            'would seem nearer or farther to it; give both the same')


def check_sizes(student: Meaning, teacher: Meaning, name: str) -> None:
    """Compare the sizes that monocular detectors are trained at.

    Raises:
        ConfigError: They differ; names both.
    """
    if None not in (student.size, teacher.size):
        if student.size != teacher.size:
            raise ConfigError(
                f'teachers.{name}: it was trained on pictures of '
                f'{teacher.size} (img_scale of AffineResize), but this '
                f'pipeline gives {student.size}: objects would seem nearer or '
                f'farther to it. If this is meant, set teachers.{name}.'
                'check_meaning=False')


def check_number_of_classes(model: Any, classes: Sequence[str] | None) -> None:
    """Compare the head of a monocular 3-D detector with the data set.

    mmdet3d's ``KittiDataset`` has eight classes where the config names none,
    and fewer classes than the head's are trained as others.

    Raises:
        ConfigError: The head has another number of classes.
    """
    number = getattr(getattr(model, 'bbox_head', None), 'num_classes', None)
    monocular = any(kind.__name__ == 'SingleStageMono3DDetector'
                    for kind in type(model).__mro__)
    if monocular and classes is not None and number != len(classes):
        raise ConfigError(
            f'model.bbox_head.num_classes={number}, but the data set has the '
            f'{len(classes)} classes {tuple(classes)}: set metainfo.classes '
            'of the data set, or num_classes')


def check_classes(student: Sequence[str] | None, teacher: Sequence[str] | None,
                  name: str, key: str) -> None:
    """Compare the classes of student and teacher where something relies on
    them being the same, and in one order.

    Args:
        student, teacher (Sequence[str], optional): Names of the classes.
        name (str): The teacher.
        key (str): Who compares classes, for the message.

    Raises:
        ConfigError: They differ; names both lists.
    """
    if student is None or teacher is None:
        side = 'the student' if student is None else f'teacher {name!r}'
        print_log(
            f'{key} compares classes, but nothing says which classes {side} '
            'has: make sure that they are the same, in one order',
            logger='current', level=logging.WARNING)
        return
    if tuple(student) == tuple(teacher):
        return
    what = ('in another order' if sorted(student) == sorted(teacher) else
            'not the same')
    raise ConfigError(
        f'{key} compares classes one by one, but those of teacher {name!r} '
        f'are {what}. Student: {tuple(student)}. Teacher: {tuple(teacher)}. '
        f'If this is meant, set teachers.{name}.check_meaning=False')


def _inputs(preprocessor: Any) -> dict[str, Any]:
    """Options by which an input means something else, defaults filled in."""
    kind = str(preprocessor.get('type', '')).rpartition('.')[-1]
    found = {
        key: _plain(value) for key, value in DEFAULTS.get(kind, {}).items()
    }
    found |= {
        key: _plain(preprocessor[key]) for key in INPUT_KEYS
        if preprocessor.get(key) is not None
    }
    if kind in DEFAULTS and 'depth' not in found['modalities']:
        # Of a depth that it does not see.
        found.pop('depth_norm', None)
    return found


def _at(cfg: Any, path: Sequence[str]) -> Any:
    for key in path:
        cfg = cfg.get(key) if hasattr(cfg, 'get') else None
    return cfg


def _data_sets(data: Any) -> Iterator[Any]:
    """A data set, and what it wraps: repeated, balanced or put together."""
    if hasattr(data, 'get'):
        yield data
        inner = data.get('datasets')
        for part in (data.get('dataset'),
                     *(inner if isinstance(inner, (list, tuple)) else ())):
            yield from _data_sets(part)


def _size_of(data: Any) -> tuple[int, int] | None:
    """Of the pipelines of a data set; the outermost runs last. None where
    parts have several."""
    if not hasattr(data, 'get'):
        return None
    own = _size(data.get('pipeline'))
    if own is not None:
        return own
    inner = data.get('datasets')
    parts = [data.get('dataset')
             ] + (list(inner) if isinstance(inner, (list, tuple)) else [])
    sizes = {_size_of(part) for part in parts if part is not None}
    return sizes.pop() if len(sizes) == 1 else None


def _size(pipeline: Any) -> tuple[int, int] | None:
    """Of the last affine resizing of a pipeline."""
    found = None
    for step in pipeline if isinstance(pipeline, (list, tuple)) else ():
        kind = step.get('type') if hasattr(step, 'get') else None
        if isinstance(kind, str) and kind.split('.')[-1] == 'AffineResize':
            size = step.get('img_scale')
            if isinstance(size, (list, tuple)) and len(size) == 2:
                found = (int(size[0]), int(size[1]))
    return found


def _names(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        value = (value, )
    if not isinstance(value, (list, tuple)) or not all(
            isinstance(name, str) for name in value):
        return None
    return tuple(value) or None


def _plain(value: Any) -> Any:
    """Lists and tuples count as equal."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
