"""The stack that the tests run on, and what it does not have."""
from types import ModuleType

import pytest

from mmxkd.compat import stacks

#: ``'openmmlab'`` or ``'onedl'``.
STACK = stacks.stack_of(stacks.installed_versions())
assert STACK, stacks.why_neither(stacks.installed_versions())


def needs(module: str) -> ModuleType:
    """Import a module of mmdet3d or mmrazor, or skip the test or its file.

    The reason says whether the stack does not have it, or nobody has
    installed it.
    """
    package = module.partition('.')[0]
    if STACK == stacks.ONEDL:
        pytest.skip(f'needs {package}, which the stack {STACK} does not have',
                    allow_module_level=True)
    # An error within the package is not a reason to skip.
    return pytest.importorskip(
        module, exc_type=ModuleNotFoundError,
        reason=f'needs {package}: bash tools/install.sh --with {package}')
