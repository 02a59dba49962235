"""Which stack is installed: OpenMMLab's own releases, or OneDL.

OneDL continues OpenMMLab's packages under the same import names, with other
names on the package index. So it is the versions that tell the two apart.
They are read from each package's own ``version.py``: importing a whole
package costs seconds.

Nothing but the standard library is imported: ``tools/install.sh`` runs this
file before anything is installed.
"""
import importlib.util
import re
import sys
from pathlib import Path

OPENMMLAB = 'openmmlab'
ONEDL = 'onedl'
BOTH = (OPENMMLAB, ONEDL)

#: For each stack the first version of each package, and the first beyond.
RANGES = {
    OPENMMLAB:
    dict(mmengine=('0.10.7', '0.10.8'), mmcv=('2.0.0', '2.2.0'),
         mmdet=('3.3.0', '3.4.0')),
    ONEDL:
    dict(mmengine=('0.10.8', '0.11.0'), mmcv=('2.3.0', '2.4.0'),
         mmdet=('3.4.0', '3.6.0')),
}  # yapf: disable


def installed_versions() -> dict[str, str]:
    """The versions of mmengine, mmcv and mmdet, of those that are there.

    Found by import name: of which distribution a package is does not matter.

    Returns:
        dict[str, str]: Such as ``{'mmengine': '0.10.7', 'mmcv': '2.1.0'}``; a
        package that says no version has ``'unknown'``.
    """
    versions = {name: _version(name) for name in RANGES[OPENMMLAB]}
    return {name: text for name, text in versions.items() if text}


def stack_of(versions: dict[str, str]) -> str | None:
    """The stack that all of these versions belong to.

    Args:
        versions (dict[str, str]): As of :func:`installed_versions`; at least
            one.

    Returns:
        str or None: ``'openmmlab'`` or ``'onedl'``; None where there is no
        such stack, or nothing to tell by.

    Examples:
        >>> stack_of(dict(mmengine='0.10.7', mmcv='2.1.0', mmdet='3.3.0'))
        'openmmlab'
        >>> stack_of(dict(mmengine='0.10.12', mmcv='2.1.0')) is None
        True
    """
    stacks = {_stack_of(name, text) for name, text in versions.items()}
    return stacks.pop() if len(stacks) == 1 else None


def why_neither(versions: dict[str, str]) -> str:
    """What does not fit, one line for each package and each stack."""
    lines = [
        f'  {name} {text}: of ' + (_stack_of(name, text) or 'neither stack')
        for name, text in versions.items()
    ]
    for stack, ranges in RANGES.items():
        wanted = ', '.join(f'{name} >= {first}, < {beyond}'
                           for name, (first, beyond) in ranges.items())
        lines.append(f'  the stack {stack}: {wanted}')
    return '\n'.join(lines)


def _stack_of(name: str, version: str) -> str | None:
    for stack, ranges in RANGES.items():
        first, beyond = map(_numbers, ranges[name])
        if first <= _numbers(version) < beyond:
            return stack
    return None


def _numbers(version: str) -> tuple[int, ...]:
    """``(2, 0, 0)`` of ``2.0.0rc4``; empty of a text without numbers."""
    found = re.match(r'\d+(\.\d+)*', version)
    return tuple(map(int, found[0].split('.'))) if found else ()


def _version(name: str) -> str | None:
    if name in sys.modules:
        # None is how an import is forbidden.
        return getattr(sys.modules[name], '__version__', None)
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name('version.py')
    spec = importlib.util.spec_from_file_location(f'{name}.version', path)
    if spec is None or spec.loader is None or not path.is_file():
        return 'unknown'
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, '__version__', 'unknown')
