"""Do students of the two whole families gain from their teachers?

Teacher, baseline and distilled student, each with three seeds, which give the
three the same order of data:

* ``kitti``: ShuffleDet, fine-grained imitation, synthetic streets; KITTI mAP;
* ``bccd``: MobileNetV2-SSDLite of VGG16-SSD, blood cells; VOC AP;
* ``voc``: the same on synthetic pictures.

Every seed is printed, and the difference to the baseline with its deviation,
whatever it is. The validation pictures choose nothing but are printed; what
counts is the test pictures, which choose nothing either. (But for ``voc``: how
long its teacher learns was chosen on validation pictures, with seed 1.) The
heads of configs/experiments/families_*.py say how to make the data.

Usage: ``python benchmarks/families.py kitti bccd voc [--seeds 3]``
"""
import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.errors import ConfigError, check_known
from mmxkd.experiments import Plan, ToolError, report_of, run_all
from mmxkd.experiments.command_line import (
    add_arguments,
    add_data_root,
    plan_of,
    runs_of,
)

ROOT = Path(__file__).resolve().parents[1]
# By family, its name in data_roots.
FAMILIES = dict(kitti='streets', bccd='bccd', voc='voc')


def run(plan: Plan, jobs: int) -> dict:
    """Train and test what is missing; the report's numbers."""
    run_all(runs_of(plan, jobs), jobs)
    print(report_of(plan))
    return json.loads((plan.work_dir / 'gap_report.json').read_text())


def verdict(scores: dict, student: str = 'distilled') -> str:
    """One line on the test pictures, positive or not.

    Args:
        scores (dict): mAP by arm, split and seed.
        student (str): The arm that is compared with ``baseline``.

    Examples:
        >>> print(verdict(dict(
        ...     baseline=dict(test={'0': 10., '1': 20.}),
        ...     distilled=dict(test={'0': 12., '1': 21.}))))
        distilled − baseline, test: +1.50 in the mean, s.d. 0.71, seeds \
+2.00 +1.00: positive
    """
    base, own = scores['baseline']['test'], scores[student]['test']
    gains = [own[seed] - base[seed] for seed in base]
    mean = statistics.mean(gains)
    spread = (f', s.d. {statistics.stdev(gains):.2f}' if len(gains) > 1 else
              '')
    return (f'{student} − baseline, test: {mean:+.2f} in the mean{spread}, '
            f'seeds {" ".join(f"{gain:+.2f}" for gain in gains)}: ' +
            ('positive' if mean > 0 else 'not positive'))


def parser_of(doc: str | None,
              families: Iterable[str]) -> argparse.ArgumentParser:
    """The arguments of a benchmark of some families."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('family', nargs='+', choices=list(families))
    add_arguments(parser, 'work_dirs', num_seeds=3)
    add_data_root(parser)
    return parser


def plans_of(args: argparse.Namespace, experiment: str,
             arms: Sequence[str]) -> Iterator[tuple[str, Plan]]:
    """Each family that was asked for, and its plan.

    Args:
        args (Namespace): Of :func:`parser_of`.
        experiment (str): ``configs/experiments/<experiment>_<family>.py``;
            all experiments with a family share its runs.
        arms (Sequence[str]): Kept whatever ``--arms`` says.

    Raises:
        ConfigError: Config, arms or folders are wrong, or data are missing.
    """
    roots = dict(args.data_root)
    names = [FAMILIES[family] for family in args.family]
    for name in roots:
        check_known('--data-root', name, names)
    for family, root in zip(args.family, names, strict=True):
        config = ROOT / f'configs/experiments/{experiment}_{family}.py'
        folder = args.work_dir or Path('work_dirs')
        yield family, plan_of(args, config, ROOT,
                              folder / f'families_{family}',
                              {root: roots[root]} if root in roots else {},
                              arms)


def main(argv=None) -> None:
    args = parser_of(__doc__, FAMILIES).parse_args(argv)
    for family, plan in plans_of(args, 'families', ['distilled']):
        print(f'{family}: {verdict(run(plan, args.jobs)["mAP"])}\n')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, ToolError) as error:
        sys.exit(f'error: {error}')
