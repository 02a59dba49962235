"""All promises of reliability, tried: one table with a figure for each.

    python -m tests.helpers.fault_suite [--quick] [--only R3 R9 …] [--jobs N]

Each row is tests of this repository, and its figure is their number. A test
that makes many trials says so itself, by ``record_property('trials', …)``.
The rows on killed runs count the kill points of ``tests.helpers.resume_kill``.
Rows run in forks of this process, so that nothing is imported twice. Exits
with 1 when one fails.

``--quick`` leaves out what trains with two processes, and takes few kill
points.
"""
import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.helpers import resume_kill
from tests.helpers.forked import run_forked

REPO = Path(__file__).resolve().parents[2]


@dataclass
class Row:
    """One promise.

    Args:
        name (str): Its number in the list of promises.
        what (str): The promise.
        tests (tuple[str, ...]): Files or tests, relative to ``tests/``.
        unit (str): What is counted.
        chosen (str): Expression for ``pytest -k``.
    """
    name: str
    what: str
    tests: tuple[str, ...]
    unit: str = 'cases'
    chosen: str = ''


@dataclass
class Counted:
    """What became of a row."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


_HOOKS = 'test_engine/test_hooks/test_'
ROWS = [
    Row('R2', 'a disk that fills up',
        ('test_faults/test_full_disk.py', _HOOKS + 'safe_checkpoint_hook.py'),
        chosen='full or failing'),
    Row('R3', 'damaged checkpoints are passed over',
        ('test_faults/test_damaged_checkpoints.py', ), 'files'),
    Row('R4', 'resumed at the end of an epoch, bit-identical',
        (_HOOKS + 'epoch_seed_hook.py', _HOOKS + 'step_state_hook.py',
         _HOOKS + 'moved_runs.py', 'test_distillation/test_training.py'),
        'runs', 'resumed or accumulation or moved or copy'),
    Row('R5', 'resumed in the middle of the data',
        (_HOOKS + 'step_state_hook.py', ), 'runs', 'middle'),
    Row('R6', 'two runs with one seed', ('test_faults/test_same_seed.py', ),
        'runs'),
    Row('R7', 'augmentations differ between epochs',
        (_HOOKS + 'epoch_seed_hook.py', ), 'runs', 'differ or generator'),
    Row('R8', 'files that PyTorch reads without code',
        ('test_compat/test_checkpoint_io.py', 'test_compat/test_plain.py'),
        chosen='plain or allow or stock or round'),
    Row('R9', 'hostile files: none runs', ('test_faults/test_payloads.py', ),
        'attempts'),
    Row('R10', 'bad data files are noticed',
        ('test_faults/test_bad_files.py', ), 'files'),
    Row('R11', 'no step and no checkpoint of NaN',
        (_HOOKS + 'finite_guard_hook.py', 'test_engine/test_finite.py')),
    Row('R12', "teachers' files that do not fit",
        ('test_engine/test_weights.py', )),
    Row(
        'R13', 'a teacher stays as it is',
        ('test_distillation/test_teacher.py',
         'test_distillation/test_algorithm.py'),
        chosen='eval or same_teacher or statistics or ema or optimizer or '
        'sync_bn or state_dict'),
    Row('R14', 'misspelt layers offer the right one',
        ('test_recording/test_hook_points.py', ), 'names',
        'offer or misspelt or prefix'),
    Row('R15', 'layers that are not called, or do not fit',
        ('test_recording/test_recorders.py',
         'test_distillation/test_connectors.py',
         'test_distillation/test_bound_loss.py'),
        chosen='call or refused or stated or repeated or place'),
    Row('R16', 'misspelt types, keys and arguments',
        ('test_errors.py', 'test_distillation/test_loss_config.py',
         'test_distillation/test_distiller.py',
         'test_distillation/test_teacher.py'),
        chosen='test_errors or bad or named or unknown or misspelt or wrong'),
    Row('R17', 'one of two processes fails: all end, with rank and sample',
        ('test_faults/test_hang.py', 'test_engine/test_watchdog.py'),
        'faults'),
    Row('R18', 'SIGTERM and Ctrl-C', (_HOOKS + 'graceful_stop_hook.py', )),
    Row('R19', 'nothing piles up', ('test_faults/test_memory.py', ), 'steps'),
    Row('R20', 'a run that was made by something else',
        (_HOOKS + 'run_record_hook.py', )),
]
#: Rows that need a minute and more.
LONG = ('R2', 'R6', 'R17')
KILLS = 'runs killed at any moment go on, bit-identical'


class _Counter:
    """Counts the tests of a row, or the trials within them."""

    def __init__(self) -> None:
        self.counted = Counted()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        counted = self.counted
        trials = int(dict(report.user_properties).get('trials', 1))
        if report.failed:
            counted.failed += trials
            counted.faults.append(f'{report.nodeid}\n{report.longreprtext}')
        elif report.skipped:
            counted.skipped += 1
        elif report.when == 'call':
            counted.passed += trials


def run_row(row: Row) -> Counted:
    """Run the tests of a row in this process."""
    start, counter = time.monotonic(), _Counter()
    os.chdir(REPO)
    tests = [f'tests/{test}' for test in row.tests]
    with open(os.devnull, 'w') as nothing, redirect_stdout(nothing):
        code = pytest.main(
            ['-q', '-p', 'no:cacheprovider', '-k', row.chosen, *tests],
            [counter])
    counted = counter.counted
    counted.seconds = time.monotonic() - start
    if code not in (0, 1) or not counted.passed + counted.failed:
        counted.failed += 1
        counted.faults.append(f'pytest ended with {code!r}: {tests}')
    return counted


def run_kills(variants: list[str], moments: list[str] | None) -> Counted:
    """Kill points of :mod:`.resume_kill`, as the row R1."""
    start, counted = time.monotonic(), Counted()
    for variant, moment, found in resume_kill.trials(variants, moments,
                                                     jobs=1):
        counted.passed += not found
        counted.failed += bool(found)
        if found:
            counted.faults.append(f'{variant}, {moment}: {"; ".join(found)}')
    counted.seconds = time.monotonic() - start
    return counted


def in_a_fork(place: Path, function: Callable[..., Counted], *given:
              object) -> Counted:
    """What a function counts, in a process of its own.

    Args:
        place (Path): For its result and its output.
        function (Callable): :func:`run_row` or :func:`run_kills`.
        given: Its arguments.
    """
    start = time.monotonic()

    def count() -> None:
        counted = function(*given)
        place.write_text(json.dumps(asdict(counted)))

    log = place.with_suffix('.log')
    done = run_forked(count, log, timeout=3600)
    if done.code or not place.exists():
        return Counted(failed=1, seconds=time.monotonic() - start,
                       faults=[f'ended with {done.code}:\n{done.output}'])
    return Counted(**json.loads(place.read_text()))


def jobs(quick: bool, only: list[str]) -> Iterator[tuple]:
    """Name, promise, unit, and what counts it; the longest first."""

    def wanted(name: str) -> bool:
        return not only or name in only

    if wanted('R1'):
        for variant in ['plain'] if quick else resume_kill.VARIANTS:
            moments = ['step:4', 'write:epoch_2.pth'] if quick else None
            yield ('R1', KILLS, 'kills', run_kills, [variant], moments)
    rows = [r for r in ROWS if wanted(r.name)]
    for row in sorted(rows, key=lambda r: r.name not in LONG):
        if not (quick and row.name in LONG):
            yield row.name, row.what, row.unit, run_row, row


def table(results: dict[str, tuple[str, str, Counted]]) -> str:
    """The table in Markdown."""
    lines = [
        '| | promise | trials | passed | seconds |', '|---|---|---|---|---|'
    ]
    for name in sorted(results, key=lambda n: int(n[1:])):
        what, unit, counted = results[name]
        trials = counted.passed + counted.failed
        lines.append(f'| {name} | {what} | {trials} {unit} | '
                     f'{counted.passed} | {counted.seconds:.0f} |')
    return '\n'.join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--quick', action='store_true', help='leave out what '
                        'takes minutes')
    parser.add_argument('--only', nargs='+', default=[], metavar='R1',
                        choices=['R1', *(row.name for row in ROWS)])
    parser.add_argument('--jobs', type=int, default=2, help='rows at a time')
    args = parser.parse_args()
    # Once, for all the forks.
    import mmdet.apis  # noqa: F401

    import mmxkd.distillation
    import mmxkd.engine  # noqa: F401
    start = time.monotonic()
    results: dict[str, tuple[str, str, Counted]] = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(
            args.jobs) as pool:
        os.environ['PYTEST_DEBUG_TEMPROOT'] = folder
        running = {}
        for name, what, unit, function, *given in jobs(args.quick, args.only):
            place = Path(folder, f'job_{len(running)}')
            job = pool.submit(in_a_fork, place, function, *given)
            running[job] = name, what, unit
        for done in as_completed(running):
            (name, what, unit), counted = running[done], done.result()
            print(
                f'{time.monotonic() - start:4.0f} s  {name:4} {what}: '
                f'{counted.passed} of {counted.passed + counted.failed} '
                f'{unit}', flush=True)
            for fault in counted.faults:
                print(fault, flush=True)
            if name in results:
                before = results[name][2]
                counted.passed += before.passed
                counted.failed += before.failed
                counted.seconds += before.seconds
            results[name] = what, unit, counted
    print(table(results))
    print(f'{time.monotonic() - start:.0f} s with {args.jobs} rows at a time')
    return int(any(counted.failed for *_, counted in results.values()))


if __name__ == '__main__':
    sys.exit(main())
