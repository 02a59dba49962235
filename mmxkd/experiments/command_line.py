"""Arguments that all commands have which run an experiment."""
import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .plan import Plan, load_plan
from .run import Run, build_runs
from .seeds import seeds_of


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'expected 1 or more, got {text!r}')
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition('=')
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f'expected NAME=FOLDER, got {text!r}')
    return name, value


def add_data_root(parser: argparse.ArgumentParser) -> None:
    """Let a command read other data than ``data_roots`` of a config says."""
    parser.add_argument(
        '--data-root', nargs='+', type=_pair, default=[],
        metavar='NAME=FOLDER',
        help='take other data than data_roots of the config says, '
        'e.g. fog=data/mine')


def add_arguments(parser: argparse.ArgumentParser, work_dir: str,
                  num_seeds: int | None = None) -> None:
    """Let a command choose what is run, and where.

    Args:
        parser (ArgumentParser): Gets ``--work-dir``, ``--seeds``, ``--arms``,
            ``--jobs`` and ``--cfg-options``.
        work_dir (str): The default of the first, in words.
        num_seeds (int, optional): The default of the second, instead of that
            of the config.
    """
    parser.add_argument(
        '--work-dir', type=Path,
        help=f'folder for runs and report (default: {work_dir})')
    many = 'that of the config' if num_seeds is None else num_seeds
    parser.add_argument(
        '--seeds', type=seeds_of, metavar='N|FROM-TO', default=num_seeds,
        help=f'number of seeds (default: {many}), or from one to another, '
        'e.g. 3-4 on a second machine')
    parser.add_argument(
        '--arms', nargs='+', metavar='ARM',
        help='only these, teacher and baseline, and what they need')
    parser.add_argument('--jobs', type=_positive, metavar='N',
                        default=min(4,
                                    os.cpu_count() or 1),
                        help='runs at a time (default: %(default)s)')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='change keys of the config of every arm, e.g. '
        'train_cfg.max_epochs=2')


def plan_of(args: argparse.Namespace, config: str | Path, root: Path,
            work_dir: Path, data_roots: Mapping[str, str],
            arms: Sequence[str] = ()) -> Plan:
    """The experiment that was asked for; its data are there.

    Args:
        args (Namespace): With what :func:`add_arguments` adds.
        config (str | Path): That of the experiment.
        root (Path): The folder that holds ``tools/``.
        work_dir (Path): Where runs and report go.
        data_roots (dict[str, str]): Other folders, by name.
        arms (Sequence[str]): Kept whatever ``--arms`` says.

    Raises:
        ConfigError: Config, arms or folders are wrong, or data are missing.
    """
    plan = load_plan(config, root, work_dir, args.seeds, data_roots,
                     args.cfg_options)
    if args.arms:
        plan = plan.select([*args.arms, *arms])
    plan.check_data()
    return plan


def runs_of(plan: Plan, jobs: int) -> list[Run]:
    """All runs; those that run side by side share the cores."""
    return build_runs(plan, max(1, (os.cpu_count() or 1) // jobs))
