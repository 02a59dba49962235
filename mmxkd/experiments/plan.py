"""What an experiment trains and tests, as its config says."""
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmxkd.errors import ConfigError, check_keys, check_known

from .arm import Arm, read_arm
from .benchmarks import BENCHMARKS, COCO_BOXES, Benchmark
from .short_forms import (
    COMPRESSED,
    LABELS_OF,
    compression_step,
    label_step,
)
from .step import DATA, OUT, SEED, Step, read_step

KEYS = ('arms', 'teacher', 'baseline', 'num_seeds', 'splits', 'data_roots',
        'tested_on')
OPTIONAL_KEYS = ('reachable', 'benchmark')


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
                               root) if 'command' in content else read_arm(
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
