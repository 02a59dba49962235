"""A distillation config of MMRazor as one of ours.

The new config inherits the student's plain config. What the old one says of
data, schedule and hooks beyond that is written as changes of it, and compared
with the old config in the end. Configs are read by mmengine, which runs them;
modules that they name in ``custom_imports`` are not imported, nothing is built
and no weights are opened.
"""
import inspect
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.runner import Runner

from mmxkd.errors import ConfigError
from mmxkd.io.atomic import write_text
from mmxkd.io.escape import escape

from .config_text import Expression, assignment, changes, plain, statements
from .mmrazor_config import Old, Part, read_config, read_old
from .mmrazor_losses import TEACHER, translate_distiller
from .zoo import owner_of

# What the other parts of the new config stand for.
_GONE = ('model', 'find_unused_parameters')
_VAL_LOOPS = ('SingleTeacherDistillValLoop', 'SelfDistillValLoop')


@dataclass
class Conversion:
    """A converted config.

    Attributes:
        text (str): The new config.
        notes (list[str]): What the user should know.
        rest (dict): What the new config shall be beside its model.
        student (dict): What its student shall be.
        scope (str, optional): Its default scope.
        package (str): Whose config it inherits; '' for none or a file.
    """
    text: str
    notes: list[str]
    rest: dict[str, Any]
    student: dict[str, Any]
    scope: str | None
    package: str


def convert_mmrazor(old: str | os.PathLike,
                    new: str | os.PathLike) -> Conversion:
    """Write the short form of a distillation config of MMRazor.

    Args:
        old (str | os.PathLike): MMRazor's config.
        new (str | os.PathLike): A ``.py`` file to write.

    Raises:
        ConfigError: ``new`` exists or is no Python file, or the old config
            says something that this package has no words for.
    """
    new = Path(new)
    if new.suffix != '.py':
        raise ConfigError(f'{new}: the name must end in .py')
    if new.exists():
        raise ConfigError(f'{new} exists; choose another name or remove it')
    done = conversion(read_old(Path(old)), new.absolute().parent)
    write_text(new, done.text)
    try:
        _compare(done, new)
    except BaseException:
        new.unlink()
        raise
    return done


def conversion(old: Old, folder: Path) -> Conversion:
    """The new config, as text.

    Args:
        old (Old): What was read.
        folder (Path): Where the new config is going to lie.
    """
    notes = list(old.notes)
    scope = old.cfg.get('default_scope')
    rest = _rest(old, scope, notes)
    base = plain(old.base, scope) if old.base is not None else {}
    student = plain(old.student.model, scope)
    teachers = {TEACHER: _teacher(old, scope, notes)}
    distiller, said = translate_distiller(
        plain(old.model.get('distiller') or {}), old.scope)
    notes += said
    if old.student.pretrained:
        _start_from(old, rest, notes)
    if rest.get('resume'):
        notes.append('resume: a run of MMRazor cannot be resumed here; its '
                     'checkpoint has the keys architecture.*')

    lines = []
    if old.base is not None:
        lines.append(assignment('_base_', _base_name(old, folder)) + '\n')
    differs = changes(rest, base)
    if 'custom_imports' in differs:
        lines.append(
            assignment('custom_imports', differs.pop('custom_imports')) + '\n')
    start: Any = student
    if base and base['model'].get('type') == student.get('type'):
        start = Expression('_base_.model')
        edits = statements(student, base['model'], 'student')
        if edits:
            lines += ['student = _base_.model', *edits]
            start = Expression('student')
    model = dict(type='mmxkd.CrossModalDistill', student=start,
                 teachers=teachers, distiller=distiller)
    lines.append(
        assignment('model', {'_delete_': True} | model if base else model)
        + '\n')
    lines += [assignment(key, value) for key, value in differs.items()]
    for key in sorted(_read_by_the_runner() & set(base) - set(rest)):
        lines.append(assignment(key, None))
        rest[key] = None
    text = _header(old, notes) + '\n'.join(lines).rstrip('\n') + '\n'
    package, colons, _ = old.base_name.partition('::')
    return Conversion(text, notes, rest, student, scope,
                      package if colons else '')


def _header(old: Old, notes: list[str]) -> str:
    lines = [
        f"Converted from MMRazor's {escape(old.path.name)} by "
        'tools/model_converters/from_mmrazor.py.'
    ]
    lines += [f'* {escape(note)}.' for note in notes]
    wrapped = [
        part for line in lines for part in textwrap.wrap(
            line, 77, subsequent_indent='  ' * line.startswith('*'),
            break_long_words=False, break_on_hyphens=False)
    ]
    return '\n'.join(f'# {line}' + ('  # noqa: E501' * (len(line) > 77))
                     for line in wrapped) + '\n'


def _base_name(old: Old, folder: Path) -> str:
    if '::' in old.base_name:
        return old.base_name
    return Path(os.path.relpath(old.base_name, folder)).as_posix()


def _read_by_the_runner() -> set[str]:
    """Keys at the top of a config that mmengine's runner reads."""
    return set(inspect.signature(Runner.__init__).parameters) - {
        'self', 'model', 'cfg', 'default_scope'
    }


def _rest(old: Old, scope: str | None, notes: list[str]) -> dict[str, Any]:
    """What the old config says beside its model."""
    helpers = {
        'teacher_ckpt': old.model.get('teacher_ckpt'),
        'student': old.model.get('architecture'),
        'teacher': old.model.get('teacher')
    }
    rest = {
        key: _on_the_student(plain(value, scope), key, notes)
        for key, value in old.cfg.items()
        if key not in _GONE and not (key in helpers and value == helpers[key])
    }
    for key in ('val_cfg', 'test_cfg'):
        loop = str((rest.get(key) or {}).get('type')).split('.')[-1]
        if loop in _VAL_LOOPS:
            rest[key] = dict(rest[key], type='ValLoop')
            notes.append(f'{key}: {loop} also tests the teacher; here test '
                         'it with its own config')
    if 'optimizer_config' in rest:
        del rest['optimizer_config']
        notes.append('optimizer_config is left out: mmengine does not read '
                     'it, so MMRazor does not clip gradients by it either; '
                     'write optim_wrapper.clip_grad if you want that')
    rest['custom_imports'] = _imports(old)
    return rest


def _imports(old: Old) -> dict[str, Any]:
    """``custom_imports``: ours, and all that the old config leads to."""
    found = dict(old.cfg.get('custom_imports') or {})
    names = ['mmxkd']
    # MMRazor's cfg_path also imports what that config asks for.
    for cfg in (old.cfg, old.base or {}):
        more = (cfg.get('custom_imports') or {}).get('imports') or []
        names += [more] if isinstance(more, str) else more
    return dict(found, imports=list(dict.fromkeys(names)))


def _on_the_student(value: Any, key: str, notes: list[str]) -> Any:
    """Names below ``architecture.``, which is the student here."""

    def renamed(text: Any, where: str) -> Any:
        if isinstance(text, str) and text.startswith('architecture.'):
            new = 'student.' + text.removeprefix('architecture.')
            notes.append(f'{where}: {text} is {new} here')
            return new
        return text

    if isinstance(value, Mapping):
        return {
            renamed(k, key): _on_the_student(v, f'{key}.{k}', notes)
            for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        copies = [
            _on_the_student(v, f'{key}[{i}]', notes)
            for i, v in enumerate(value)
        ]
        return copies if isinstance(value, list) else tuple(copies)
    return renamed(value, key)


def _teacher(old: Old, scope: str | None, notes: list[str]) -> dict[str, Any]:
    """The entry of ``teachers``."""
    part = old.teacher
    found: dict[str,
                Any] = dict(cfg=part.zoo.name if part.zoo and not part.changed
                            else plain(part.model, scope))
    checkpoint = old.model.get('teacher_ckpt')
    if checkpoint and part.zoo:
        checkpoint = _of_this_teacher(checkpoint, part, notes)
    elif part.pretrained:
        checkpoint = _zoo_weights(part, 'model.teacher')
    if checkpoint:
        found['checkpoint'] = checkpoint
    else:
        notes.append('model.teacher has no weights: it would be random. Set '
                     f'teachers.{TEACHER}.checkpoint')
    return found


def _of_this_teacher(checkpoint: str, part: Part, notes: list[str]) -> str:
    """``teacher_ckpt``, unless the zoo knows it as another detector's.

    MMRazor loads the tensors of such a file that happen to fit, over those of
    ``pretrained=True``.
    """
    assert part.zoo is not None
    owner = owner_of(checkpoint, part.zoo.package)
    if owner is None or owner == part.zoo.path:
        return checkpoint
    what = (f'teacher_ckpt belongs to {owner}, not to the teacher '
            f'{part.zoo.path}')
    if part.pretrained:
        notes.append(f'{what}; pretrained=True names the weights that are '
                     'taken')
        return _zoo_weights(part, 'model.teacher')
    notes.append(f'{what}: a file that does not fit is refused')
    return checkpoint


def _zoo_weights(part: Part, key: str) -> str:
    weights = part.zoo.weights() if part.zoo else None
    if weights is None:
        raise ConfigError(f'{key}.pretrained=True: the model zoo names no '
                          f'weights of {part.zoo.name if part.zoo else part}')
    return weights


def _start_from(old: Old, rest: dict[str, Any], notes: list[str]) -> None:
    """``pretrained=True`` of the student."""
    if rest.get('load_from'):
        return
    rest['load_from'] = _zoo_weights(old.student, 'model.architecture')
    notes.append('model.architecture.pretrained=True is load_from: the '
                 "student starts from the model zoo's weights")


def _compare(done: Conversion, new: Path) -> None:
    """Read the new config, and compare it with what it shall be.

    Raises:
        ConfigError: They differ. This is a fault of the converter.
    """
    found = plain(read_config(new), done.scope)
    # What is inherited from another package is marked so.
    student = plain(found['model'].get('student'), done.package)
    wrong = [
        key for key, value in done.rest.items()
        if key not in found or found[key] != value
    ]
    if student != plain(done.student, done.package):
        wrong.append('model.student')
    if wrong:
        raise ConfigError(f'{new}: converted, it says something else than '
                          f'the old config in {", ".join(sorted(wrong))}')
