"""What a distillation config of MMRazor says."""
import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmxkd.errors import ConfigError, check_keys

from .config_text import plain
from .zoo import ZooConfig, find_config

#: The algorithms with one student, one frozen teacher, and losses on layers.
ALGORITHMS = ('SingleTeacherDistill', 'FpnTeacherDistill')
_KEYS = ('type', '_scope_', 'architecture', 'teacher', 'teacher_ckpt',
         'distiller', 'teacher_trainable', 'teacher_norm_eval',
         'student_trainable', 'calculate_student_loss',
         'teacher_module_inplace', 'data_preprocessor', 'init_cfg')
# Values that say what is always so here.
_FIXED = dict(teacher_trainable=False, student_trainable=True,
              calculate_student_loss=True, init_cfg=None)


@dataclass
class Part:
    """Student or teacher.

    Attributes:
        model (dict): Its model config.
        zoo (ZooConfig, optional): Where ``cfg_path`` leads.
        pretrained (bool): Start from the zoo's weights.
        changed (bool): ``model`` is not quite that of ``zoo``.
    """
    model: dict[str, Any]
    zoo: ZooConfig | None = None
    pretrained: bool = False
    changed: bool = False


@dataclass
class Old:
    """A config of MMRazor, and what it refers to.

    Attributes:
        path (Path): The file.
        cfg (dict): All that it says, with its bases.
        student, teacher (Part): The models.
        base (dict, optional): A plain config that the new one can inherit,
            that of the student where there is one.
        base_name (str): ``package::path`` or file of that.
        notes (list[str]): What the user should know.
    """
    path: Path
    cfg: dict[str, Any]
    student: Part
    teacher: Part
    base: dict[str, Any] | None
    base_name: str
    notes: list[str] = field(default_factory=list)

    @property
    def model(self) -> dict[str, Any]:
        """The ``model`` of the config."""
        return self.cfg['model']

    @property
    def scope(self) -> str | None:
        """Where bare names of its losses are looked up."""
        return self.model.get('_scope_', self.cfg.get('default_scope'))


def read_config(path: Path) -> dict[str, Any]:
    """Run a config as mmengine does, without what it wants to import.

    Raises:
        ConfigError: A base of it is missing.
    """
    try:
        cfg = Config.fromfile(path, import_custom_modules=False)
    except (FileNotFoundError, ModuleNotFoundError, ImportError) as error:
        raise ConfigError(f'{path}: {error}') from error
    return plain(dict(cfg.items()))


def read_old(path: Path) -> Old:
    """Read a distillation config of MMRazor.

    Raises:
        ConfigError: It is something else, or something that this package has
            no words for; says which key.
    """
    if not path.is_file():
        raise ConfigError(f'there is no file {path}')
    tree = _parse(path)
    if any(
            isinstance(node, ast.Name) and node.id == 'read_base'
            for node in ast.walk(tree)):
        raise ConfigError(f'{path}: it is in the form of read_base(); only '
                          "configs with _base_ = '…' can be converted")
    cfg = read_config(path)
    model = cfg.get('model')
    if not isinstance(model, Mapping) or 'architecture' not in model:
        raise ConfigError(f'{path}: no distillation config of MMRazor: model '
                          "has no 'architecture'")
    _check_model(model, path)
    notes: list[str] = []
    student = _part(model['architecture'], 'model.architecture', notes)
    teacher = _part(model['teacher'], 'model.teacher', notes)
    if model.get('data_preprocessor'):
        student.model['data_preprocessor'] = model['data_preprocessor']
        notes.append('model.data_preprocessor is that of the student here; '
                     'the teacher keeps its own')
    if student.zoo is not None:
        base: dict | None = read_config(student.zoo.file)
        name = student.zoo.name
    else:
        base, name = _plain_base(path)
    return Old(path, cfg, student, teacher, base, name, notes)


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding='utf-8'))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: no Python: {error}') from error


def _check_model(model: Mapping[str, Any], path: Path) -> None:
    kind = str(model.get('type')).split('.')[-1]
    if kind not in ALGORITHMS:
        raise ConfigError(
            f'{path}: model.type={model.get("type")!r}: expected one of '
            f'{ALGORITHMS}; the others do not distil a frozen teacher by '
            'losses on layers')
    check_keys('model', model, _KEYS)
    if not isinstance(model.get('teacher'), Mapping):
        raise ConfigError(f"{path}: model.teacher is missing")
    for key, value in _FIXED.items():
        if model.get(key, value) != value:
            raise ConfigError(f'{path}: model.{key}={model[key]!r}: here it '
                              f'is always {value}')


def _part(cfg: Mapping[str, Any], key: str, notes: list[str]) -> Part:
    """Student or teacher, by ``cfg_path`` or in full."""
    own = plain(cfg)
    path = own.pop('cfg_path', None)
    if path is None:
        if 'type' not in own:
            raise ConfigError(f"{key}: expected 'cfg_path' or 'type'")
        return Part(own)
    pretrained = bool(own.pop('pretrained', False))
    own.pop('_scope_', None)
    zoo = find_config(path, f'{key}.cfg_path')
    if zoo.renamed:
        notes.append(f'{key}.cfg_path: {path} is {zoo.name} today')
    model = plain(read_config(zoo.file)['model'])
    # mmengine's get_model takes further keys as defaults.
    used = {k: v for k, v in own.items() if k not in model}
    if set(own) - set(used):
        notes.append(f'{key}: {", ".join(sorted(set(own) - set(used)))} left '
                     f'out: MMRazor ignores it beside cfg_path')
    return Part(dict(model, **used), zoo, pretrained, bool(used))


def _plain_base(path: Path) -> tuple[dict | None, str]:
    """The nearest config in the line of ``_base_`` that is a plain detector.

    Returns:
        tuple: The config and its name; None and '' where there is none.
    """
    for base in _bases(path):
        if '::' in base:
            zoo = find_config(base, f'{path}: _base_')
            file, name = zoo.file, zoo.name
        else:
            file = (path.parent / base).resolve()
            name = str(file)
        cfg = read_config(file)
        model = cfg.get('model')
        if not isinstance(model, Mapping):
            continue
        if 'type' in model and 'architecture' not in model:
            return cfg, name
        found = _plain_base(file)
        if found[0] is not None:
            return found
    return None, ''


def _bases(path: Path) -> list[str]:
    for node in _parse(path).body:
        if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == '_base_'
                for target in node.targets):
            try:
                value = ast.literal_eval(node.value)
            except ValueError as error:
                raise ConfigError(f'{path}: _base_ is no list of names: '
                                  f'{error}') from error
            return [value] if isinstance(value, str) else list(value)
    return []
