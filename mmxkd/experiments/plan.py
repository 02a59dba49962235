"""What an experiment trains and tests, as its config says."""
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmxkd.errors import ConfigError, check_keys, check_known

from .benchmarks import BENCHMARKS, COCO_BOXES, Benchmark
from .short_forms import (
    COMPRESSED,
    EPOCHS,
    LABELLED_BY,
    LABELS_OF,
    TRAIN,
    compression_step,
    datasets_of,
    label_step,
    labelled_by,
    length,
)
from .step import DATA, OUT, SEED, Step, read_step

KEYS = ('arms', 'teacher', 'baseline', 'num_seeds', 'splits', 'data_roots',
        'tested_on')
OPTIONAL_KEYS = ('reachable', 'benchmark')
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


@dataclass(frozen=True)
class Plan:
    """An experiment, checked.

    Args:
        arms (dict[str, Arm | Step]): Each after those that it needs.
        teacher, baseline (tuple[str, ...]): The arms that the gap lies
            between; of several, e.g. of other lengths, the best one.
        seeds (Sequence[int]): Each arm that is not shared is trained with
            each of them.
        splits (tuple[str, ...]): Tested; the annotations of ``'val'`` are
            ``annotations/val.json``, or as the benchmark has them.
        tested_on (Path): Converted data of these splits.
        root (Path): The folder that holds ``tools/``.
        work_dir (Path): Where runs and report go.
        cfg_options (tuple[str, ...]): ``key=value``, for every arm.
        reachable (tuple[str, ...]): Arms that show what a student could
            reach, e.g. with human labels on all frames; may be empty.
        data_roots (dict[str, Path]): Converted data by name, for steps.
        benchmark (Benchmark): How detections are scored.
    """
    arms: dict[str, Arm | Step]
    teacher: tuple[str, ...]
    baseline: tuple[str, ...]
    seeds: Sequence[int]
    splits: tuple[str, ...]
    tested_on: Path
    root: Path
    work_dir: Path
    cfg_options: tuple[str, ...] = ()
    reachable: tuple[str, ...] = ()
    data_roots: Mapping[str, Path] = field(default_factory=dict)
    benchmark: Benchmark = COCO_BOXES

    @property
    def reported(self) -> list[str]:
        """The arms with a row in the report."""
        return [arm.name for arm in self.arms.values() if arm.tested]

    def select(self, names: Iterable[str]) -> 'Plan':
        """Keep some arms, those that they need, teacher and baseline.

        Raises:
            ConfigError: There is no arm of such a name.
        """
        kept = {*self.teacher, *self.baseline}
        for name in names:
            check_known('arm', name, self.arms)
            kept.add(name)
        for arm in reversed(self.arms.values()):
            if arm.name in kept:
                kept.update(arm.needs)
        return replace(
            self, arms={
                name: arm for name, arm in self.arms.items() if name in kept
            }, reachable=tuple(n for n in self.reachable if n in kept))

    def check_data(self) -> None:
        """Look for the data before anything is trained.

        Raises:
            ConfigError: It names all annotations that are missing.
        """
        needed = [(arm.data_root, file) for arm in self.arms.values()
                  if isinstance(arm, Arm)
                  for file in (arm.ann_file, self.benchmark.annotations('val'))
                  ]
        needed += [(self.tested_on, self.benchmark.annotations(split))
                   for split in self.splits]
        missing: dict[Path, list[str]] = {}
        for root, file in dict.fromkeys(needed):
            if not (root / file).is_file():
                missing.setdefault(root, []).append(file)
        if missing:
            listed = '; '.join(
                f'{root}: no converted data set, it has no {", ".join(files)}'
                for root, files in missing.items())
            raise ConfigError(
                f'{listed}; the head of the config says how to make one, '
                '--data-root where it is')


def load_plan(
    config: str | Path, root: Path, work_dir: str | Path,
    seeds: int | Sequence[int] | None = None,
    data_roots: Mapping[str, str] | None = None,
    cfg_options: Sequence[str] = ()
) -> Plan:
    """Read the config of an experiment and check it.

    Args:
        config (str | Path): An mmengine config with :data:`KEYS`.
        root (Path): The folder that holds ``tools/`` and, unless they are in
            the current one, the configs of the arms.
        work_dir (str | Path): Where runs and report go.
        seeds (int | Sequence[int], optional): These, or so many, instead of
            the ``num_seeds`` of the config.
        data_roots (dict[str, str], optional): Other folders, by name.
        cfg_options (Sequence[str]): ``key=value``, for every arm.

    Raises:
        ConfigError: A key, an arm or a file is missing or misspelt; it
            offers the nearest ones.
    """
    given = Config.fromfile(config).to_dict()
    check_keys(str(config), given, KEYS + OPTIONAL_KEYS)
    for key in KEYS:
        if key not in given:
            raise ConfigError(f'{config}: {key} is missing')
    if seeds is None:
        seeds = given['num_seeds']
    if not isinstance(seeds, (list, range, tuple)):
        if not isinstance(seeds, int) or seeds < 1:
            raise ConfigError(f'num_seeds={seeds!r}, expected 1 or more')
        seeds = range(seeds)
    splits = given['splits']
    if not isinstance(splits, (list, tuple)) or not splits:
        raise ConfigError(f"splits={splits!r}, expected e.g. ('val', 'test')")
    for name in data_roots or ():
        check_known('data root', name, given['data_roots'])
    roots = {
        name: Path(path).resolve() for name, path in
        {**given['data_roots'], **(data_roots or {})}.items()
    }
    check_known('tested_on', given['tested_on'], roots)
    for option in cfg_options:
        if '=' not in option:
            raise ConfigError(f'--cfg-options {option!r}: expected KEY=VALUE')
    kind = given.get('benchmark', 'coco_boxes')
    check_known('benchmark', kind, BENCHMARKS)
    benchmark = BENCHMARKS[kind]
    arms: dict[str, Arm | Step] = {}
    for name, content in given['arms'].items():
        if name in (OUT, SEED, DATA):
            raise ConfigError(f'arms.{name}: this name has a meaning in the '
                              'command of a step; choose another one')
        if LABELS_OF in content:
            content = label_step(f'arms.{name}', content, given['tested_on'])
        if COMPRESSED in content:
            content = compression_step(f'arms.{name}', content)
        arms[name] = read_step(name, content, arms, roots,
                               root) if 'command' in content else _read_arm(
                                   name, content, arms, roots,
                                   given['tested_on'], root, benchmark)
    tested = [arm.name for arm in arms.values() if arm.tested]
    ends = {
        key: _names(key, given.get(key, ()), tested)
        for key in ('teacher', 'baseline', 'reachable')
    }
    return Plan(arms, ends['teacher'], ends['baseline'], seeds, tuple(splits),
                roots[given['tested_on']], root,
                Path(work_dir).resolve(), tuple(cfg_options),
                ends['reachable'], roots, benchmark)


def _names(key: str, given: Any, tested: Sequence[str]) -> tuple[str, ...]:
    """One arm, or several of which the best one counts."""
    names = (given, ) if isinstance(given, str) else tuple(given)
    if not names and key != 'reachable':
        raise ConfigError(f'{key}={given!r}: expected the name of an arm, or '
                          'several of which the best one counts')
    for name in names:
        check_known(key, name, tested)
    return names


def _read_arm(name: str, given: dict[str, Any],
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
