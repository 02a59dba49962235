"""Configs of other packages are found without ``pkg_resources``.

What breaks: ``_base_ = 'mmdet::…'`` imports ``pkg_resources``, which
setuptools has dropped in its release 82: with that, no such config can be
read. Before, each one loads it anew, which prints a warning and fails when
two threads do so at once.
Repair: the standard library says what is installed, and where.
Versions: mmengine <= 0.10.7. OneDL's has mended it.
Can go: with the OpenMMLab stack.
"""
import functools
import importlib.util
import os.path as osp
from types import ModuleType
from typing import TYPE_CHECKING

from .import_hook import after_import, replace
from .stacks import OPENMMLAB

if TYPE_CHECKING:
    from importlib.metadata import Distribution

STACKS = (OPENMMLAB, )


def apply() -> None:
    """Replace both functions wherever mmengine uses them."""
    after_import('mmengine.utils.package_utils', _repair)


def _repair(module: ModuleType) -> None:
    for repaired in (is_installed, get_installed_path):
        stock = getattr(module, repaired.__name__)
        replace(module, repaired.__name__, functools.wraps(stock)(repaired))


def is_installed(package: str) -> bool:
    """Whether a package can be imported or is a distribution.

    Args:
        package (str): E.g. ``'mmdet'``, or a distribution as
            ``'mmcv-full'``.
    """
    return bool(_distribution(package) or _folder(package))


def get_installed_path(package: str) -> str:
    """The folder of a package.

    Args:
        package (str): E.g. ``'mmdet'``, or a distribution as
            ``'mmcv-full'``, of which it is the first package.

    Raises:
        PackageNotFoundError: There is no such package, or it is one of
            several folders, as a namespace package.
    """
    from importlib.metadata import PackageNotFoundError
    distribution = _distribution(package)
    packages = [package]
    if distribution is not None:
        packages += (distribution.read_text('top_level.txt') or '').split()
    for name in packages:
        folder = _folder(name)
        if folder is not None:
            return folder
    raise PackageNotFoundError(package)


def _distribution(name: str) -> 'Distribution | None':
    # Here, since `import mmxkd` stays light.
    from importlib.metadata import PackageNotFoundError, distribution
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _folder(package: str) -> str | None:
    """Where a package would be imported from; None: nowhere, or several."""
    spec = importlib.util.find_spec(package)
    return osp.dirname(spec.origin) if spec and spec.origin else None
