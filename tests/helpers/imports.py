"""Which modules of the package import which, read from the source."""
import ast
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PACKAGE = 'mmxkd'


def module_name(path: Path, root: Path = REPO) -> str:
    """``mmxkd.io`` of ``mmxkd/io/__init__.py``."""
    parts = path.relative_to(root).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def package_files(root: Path = REPO) -> list[Path]:
    """All source files of the package."""
    return sorted(path for path in (root / PACKAGE).rglob('*.py')
                  if '.mim' not in path.parts)


def imports_of(path: Path, root: Path = REPO) -> Iterator[tuple[int, str]]:
    """Line and full name of each import, those inside of functions too.

    ``from a import b`` gives ``a.b``, which is a module or a name in one.
    """
    package = module_name(path, root).split('.')
    if path.name != '__init__.py':
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            start = package[:len(package) - node.level + 1]
            base = start if node.level else []
            module = '.'.join([*base, *filter(None, [node.module])])
            for name in node.names:
                yield node.lineno, f'{module}.{name.name}'


def module_of(name: str, modules: set[str]) -> str:
    """The module that holds a name: itself, or what stands before the dot."""
    while name and name not in modules:
        name = name.rpartition('.')[0]
    return name
