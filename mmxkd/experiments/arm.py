"""One arm of an experiment, as its config says."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmxkd.errors import ConfigError, check_keys, check_known

from .benchmarks import Benchmark
from .short_forms import (
    EPOCHS,
    LABELLED_BY,
    TRAIN,
    datasets_of,
    labelled_by,
    length,
)
from .step import Step

ARM_KEYS = ('config', 'starts_from', 'taught_by', 'trained_on', 'shared',
            'tested', 'reads', 'ann_file', 'datasets', 'options', EPOCHS,
            LABELLED_BY)


@dataclass(frozen=True)
class Arm:
    """One way to train a detector.

    Args:
        name (str): Also the name of its folder and of its row in the report.
        config (Path): What ``tools/train.py`` trains.
        data_root (Path): Converted data that it is trained on.
        starts_from (str, optional): The arm whose best checkpoint it loads.
        taught_by (dict[str, str]): For each arm that teaches it, the key of
            ``config`` that names the checkpoint of this teacher.
        shared (bool): Whether it is trained once, for all seeds.
        tested (bool): Whether it is tested and has a row in the report.
        reads (dict[str, str]): For each output of a step, ``'STEP.OUTPUT'``,
            the key of ``config`` that names this file.
        ann_file (str): Annotations that it is trained on, in ``data_root``.
        datasets (tuple[str, ...]): Keys of ``config`` where ``data_root`` is
            set for training; ``ann_file`` is set in the first of them.
        options (tuple[str, ...]): ``key=value``, e.g. for another length.
    """
    name: str
    config: Path
    data_root: Path
    starts_from: str | None = None
    taught_by: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False
    tested: bool = True
    reads: Mapping[str, str] = field(default_factory=dict)
    ann_file: str = 'annotations/train.json'
    datasets: tuple[str, ...] = (TRAIN, )
    options: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The arms and steps that are done before."""
        start = () if self.starts_from is None else (self.starts_from, )
        steps = [name.partition('.')[0] for name in self.reads]
        return tuple(dict.fromkeys([*start, *self.taught_by, *steps]))


def read_arm(name: str, given: dict[str, Any],
             before: Mapping[str, Arm | Step], roots: Mapping[str, Path],
             tested_on: str, root: Path, benchmark: Benchmark) -> Arm:
    """Check one arm; it may only need arms that are listed before it."""
    where = f'arms.{name}'
    check_keys(where, given, ARM_KEYS)
    if 'config' not in given:
        raise ConfigError(f'{where}: config is missing')
    trained_on = given.get('trained_on', tested_on)
    check_known(f'{where}.trained_on', trained_on, roots)
    shared = given.get('shared', False)
    tested = given.get('tested', True)
    if shared and tested:
        raise ConfigError(f'{where}: what all seeds share has no row in the '
                          'report; set tested=False')
    config = _find_config(where, given['config'], root)
    options = dict(given.get('options', {}))
    if EPOCHS in given:
        options = length(f'{where}.{EPOCHS}', given[EPOCHS], config) | options
    datasets = tuple(given.get('datasets') or datasets_of(config))
    reads = dict(given.get('reads', {}))
    if LABELLED_BY in given:
        reads |= labelled_by(f'{where}.{LABELLED_BY}', given[LABELLED_BY],
                             datasets)
    arm = Arm(name, config, roots[trained_on], given.get('starts_from'),
              given.get('taught_by', {}), shared, tested, reads,
              given.get('ann_file', benchmark.annotations('train')), datasets,
              tuple(f'{k}={v}' for k, v in options.items()))
    for key in given.get('options', {}):
        _check_option(f'{where}.options', key, arm.config)
    if 'datasets' in given:
        for key in arm.datasets:
            _check_option(f'{where}.datasets', key, arm.config)
    # What all seeds share cannot need what there is one of per seed.
    usable = [o for o in before.values() if o.shared or not shared]
    known = [other.name for other in usable if isinstance(other, Arm)]
    outputs = [
        f'{other.name}.{output}' for other in usable
        if isinstance(other, Step) for output in other.outputs
    ]
    for output, key in arm.reads.items():
        check_known(f'{where}.reads', output, outputs)
        _check_option(f'{where}.reads.{output}', key, arm.config)
    if arm.starts_from is not None:
        check_known(f'{where}.starts_from', arm.starts_from, known)
    for teacher, key in arm.taught_by.items():
        check_known(f'{where}.taught_by', teacher, known)
        _check_option(f'{where}.taught_by.{teacher}', key, arm.config)
        other = before[teacher]
        for option in other.options if isinstance(other, Arm) else ():
            if option.startswith('model.'):
                raise ConfigError(
                    f'{where}.taught_by: {teacher} has options={option!r}, of '
                    f'which the teacher in {config.name} would know nothing; '
                    'write them into the config of the teacher')
    return arm


def _find_config(where: str, path: str, root: Path) -> Path:
    for folder in (Path(), root):
        if (folder / path).is_file():
            return (folder / path).resolve()
    folder = (root / path).parent
    check_known(
        f'{where}.config', path,
        sorted(str(found.relative_to(root)) for found in folder.glob('*.py')))
    raise ConfigError(f'{where}.config: there is no file {path!r}')


def _check_option(where: str, key: str, config: Path) -> None:
    """``--cfg-options`` would add a misspelt key, and nobody would read it."""
    node: Any = Config.fromfile(config, import_custom_modules=False)
    for part in key.split('.'):
        at: str | int = part
        known: Any = node if isinstance(node, Mapping | Config) else ()
        if isinstance(node, (list, tuple)):
            known = [str(i) for i in range(len(node))]
            at = int(part) if part.isdecimal() else part
        check_known(f'{where}={key!r}, {config.name}', part, known)
        node = node[at]
