"""A command between the arms of an experiment, such as labelling."""
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmxkd.errors import ConfigError, check_keys, check_known

STEP_KEYS = ('command', 'outputs', 'shared')
#: What an argument may name beside arms and steps.
OUT, SEED, DATA = 'out', 'seed', 'data'
#: What it may say of an arm.
OPTIONS, ALL_OPTIONS = 'options', 'all_options'
OF_ARM = ('checkpoint', 'config', 'dir', OPTIONS, ALL_OPTIONS)
_NAME = re.compile(r'\{([^{}]*)\}')


@dataclass(frozen=True)
class Step:
    """A command that makes files which arms read.

    Args:
        name (str): Also the name of its folder.
        command (tuple[str, ...]): A Python file and its arguments. They may
            hold ``{ARM.checkpoint}``, ``{ARM.config}``, ``{ARM.dir}``,
            ``{STEP.OUTPUT}``, ``{data.NAME}``, ``{out}`` and ``{seed}``; and
            one may be ``{ARM.options}``, as many as the arm has, or
            ``{ARM.all_options}``, with data and teachers.
        outputs (dict[str, str]): The files that it makes, by name, relative
            to ``{out}``, its folder.
        shared (bool): Whether it runs once, for all seeds.
    """
    name: str
    command: tuple[str, ...]
    outputs: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False
    #: It has no row in the report.
    tested = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The arms and steps that are done before."""
        owners = [
            name.partition('.')[0] for argument in self.command
            for name in _NAME.findall(argument)
        ]
        return tuple(
            dict.fromkeys(o for o in owners if o not in (OUT, SEED, DATA)))

    def arguments(self, value: Callable[[str], Any]) -> list[str]:
        """The command with each ``{name}`` replaced by its value.

        A value that is a tuple becomes as many arguments.
        """
        given: list[str] = []
        for argument in self.command:
            whole = _NAME.fullmatch(argument)
            values = value(whole[1]) if whole else None
            if isinstance(values, tuple):
                given += values
            else:
                given.append(
                    _NAME.sub(lambda found: str(value(found[1])), argument))
        return given


def read_step(name: str, given: Mapping[str, Any], before: Mapping[str, Any],
              data_roots: Mapping[str, Path], root: Path) -> Step:
    """Check one step; it may only use what is listed before it.

    Args:
        name (str): Its name.
        given (dict): :data:`STEP_KEYS`.
        before (dict[str, Arm | Step]): What it may use.
        data_roots (dict[str, Path]): Converted data by name.
        root (Path): The folder that holds ``tools/``.

    Raises:
        ConfigError: A key, a name or the file is missing or misspelt.
    """
    where = f'arms.{name}'
    check_keys(where, given, STEP_KEYS)
    command, outputs = given.get('command'), given.get('outputs')
    if not isinstance(command, (list, tuple)) or not command or not all(
            isinstance(argument, str) for argument in command):
        raise ConfigError(f"{where}.command={command!r}: expected a Python "
                          "file and its arguments, e.g. ['tools/label.py', "
                          "'{teacher.config}', '{teacher.checkpoint}']")
    if not isinstance(outputs, Mapping) or not outputs:
        raise ConfigError(f'{where}.outputs={outputs!r}: expected the files '
                          "that it makes, e.g. dict(labels='labels.json')")
    for file in outputs.values():
        if Path(file).is_absolute() or '..' in Path(file).parts:
            raise ConfigError(f'{where}.outputs: {file!r} is not in the '
                              'folder of the step')
    if not (root / command[0]).is_file():
        check_known(
            f'{where}.command', command[0],
            sorted(
                str(p.relative_to(root)) for p in root.glob('tools/**/*.py')))
    shared = bool(given.get('shared', False))
    step = Step(name, tuple(command), dict(outputs), shared)
    for argument in command:
        for found in _NAME.findall(argument):
            _check_name(where, argument, found, before, data_roots, shared)
    return step


def _check_name(where: str, argument: str, name: str,
                before: Mapping[str, Any], data_roots: Mapping[str, Path],
                shared: bool) -> None:
    where = f'{where}.command: {{{name}}}'
    owner, _, part = name.partition('.')
    if name in (OUT, SEED):
        return
    if owner == DATA:
        check_known(where, part, data_roots)
        return
    known = {
        n: other for n, other in before.items() if other.shared or not shared
    }
    check_known(where, owner, [*known, OUT, SEED, DATA])
    other = known[owner]
    if isinstance(other, Step):
        check_known(where, part, [*other.outputs])
        return
    check_known(where, part, OF_ARM)
    if part in (OPTIONS, ALL_OPTIONS) and argument != f'{{{name}}}':
        raise ConfigError(
            f'{where} stands for any number of arguments, but {argument!r} is '
            "one; expected it by itself, after '--cfg-options'")
