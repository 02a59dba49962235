"""A pytest plugin that prints which statements of ``mmxkd`` no test has run.

::

    pytest -p tests.helpers.line_coverage

Python 3.11 runs *all* code at about half its speed while coverage.py traces,
that of torch and mmdet included. This plugin adds a mark to each statement of
the package when it is imported, and leaves all else as it is. Code that tests
run in processes of their own is not counted.
"""
import ast
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = 'mmxkd'
WORST = 10

# Of each imported file: whether the statement that starts in a line has run.
_marks: dict[str, list[bool]] = {}
# The same of the processes of pytest-xdist, as sets of lines.
_found: list[dict[str, list[int]]] = []


class _Marker(ast.NodeTransformer):
    """Puts ``__marks__[line] = True`` before each statement."""

    def __init__(self) -> None:
        self.lines: set[int] = set()

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in ('body', 'orelse', 'finalbody'):
            block = getattr(node, field, None)
            if isinstance(block, list):
                setattr(node, field, [
                    part for statement in block
                    for part in (*self._mark(statement), statement)
                ])
        return node

    def _mark(self, statement: ast.stmt) -> list[ast.stmt]:
        # Docstrings and imports of __future__ have to stay in front.
        if isinstance(statement, ast.Expr) and isinstance(
                statement.value, ast.Constant):
            return []
        if isinstance(statement, ast.ImportFrom) and (statement.module
                                                      == '__future__'):
            return []
        self.lines.add(statement.lineno)
        marks = ast.parse(f'__marks__[{statement.lineno}] = True').body
        for node in ast.walk(marks[0]):
            ast.copy_location(node, statement)
        return marks


def mark(source: str, path: str) -> tuple:
    """Code that marks what it runs.

    Returns:
        tuple: The code, and the set of lines that a statement starts in.
    """
    marker = _Marker()
    tree = marker.visit(ast.parse(source, path))
    return compile(tree, path, 'exec', dont_inherit=True), marker.lines


class _Loader(SourceFileLoader):

    def exec_module(self, module) -> None:
        code, lines = mark(self.get_source(self.name), self.path)
        marks = _marks[self.path] = [False] * (max(lines, default=0) + 1)
        module.__marks__ = marks
        exec(code, module.__dict__)  # noqa: S102


class _Finder:

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split('.')[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


if any(name.split('.')[0] == PACKAGE for name in sys.modules):
    raise RuntimeError(f'{PACKAGE} was imported before it could be marked')
sys.meta_path.insert(0, _Finder)


def _lines_run() -> dict[str, list[int]]:
    return {
        path: [line for line, ran in enumerate(marks) if ran]
        for path, marks in _marks.items()
    }


def pytest_sessionfinish(session) -> None:
    """A process of pytest-xdist tells the first one what it has run."""
    if hasattr(session.config, 'workeroutput'):
        session.config.workeroutput[__name__] = _lines_run()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error) -> None:
    """Take what a process of pytest-xdist tells."""
    # One that crashed tells nothing; pytest-xdist reports it.
    _found.append(getattr(node, 'workeroutput', {}).get(__name__, {}))


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the share of statements that have run, and the worst files."""
    rows, total, total_missing = [], 0, 0
    for path in sorted((ROOT / PACKAGE).rglob('*.py')):
        lines = mark(path.read_text(encoding='utf-8'), str(path))[1]
        missing = lines.difference(
            *(found.get(str(path), ())
              for found in [*_found, _lines_run()]))
        total, total_missing = total + len(lines), total_missing + len(missing)
        if missing:
            share = 1 - len(missing) / len(lines)
            rows.append((share, str(path.relative_to(ROOT)),
                         _ranges(sorted(lines), missing)))
    write = terminalreporter.write_line
    terminalreporter.write_sep('-', f'statements of {PACKAGE} that ran')
    for share, name, missing in sorted(rows, key=lambda row: row[0])[:WORST]:
        text = ', '.join(missing[:8]) + (', …' if missing[8:] else '')
        write(f'{share:6.1%} {name}: {text}')
    write(f'{1 - total_missing / total:6.1%} of all {total}; not all ran in '
          f'{len(rows)} files')


def _ranges(lines: list[int], missing: set[int]) -> list[str]:
    """``'3-7'`` for each run of statements that are missing."""
    found = []
    for is_missing, run in groupby(lines, missing.__contains__):
        if is_missing:
            part = list(run)
            found.append(f'{part[0]}-{part[-1]}' if part[1:] else str(part[0]))
    return found
