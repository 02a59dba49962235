"""What the pages of the documentation show, as files of a user's project.

A fenced block whose first line is a comment with a path, such as
``# my_loss.py`` or ``# configs/mine/mine.py``, is that file.
"""
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine import registry as mmengines

from mmxkd.families import registry as families
from mmxkd.registry import DATASETS, MODELS, TRANSFORMS

from .imports import REPO, package_files
from .modalities import more_modalities

_FILE = re.compile(r'# ([\w./-]+\.(?:py|yml))\n')


def fenced(page: Path, language: str = 'python') -> list[str]:
    """All fenced blocks of a language."""
    return re.findall(rf'^```{language}\n(.*?)^```$',
                      page.read_text(encoding='utf-8'), re.M | re.S)


def files_of(page: Path) -> dict[str, str]:
    """Path and text of each file that a page shows."""
    found = {}
    for text in fenced(page) + fenced(page, 'yaml'):
        name = _FILE.match(text)
        if name:
            found[name[1]] = text
    return found


def write_files(page: Path, folder: Path) -> dict[str, Path]:
    """Write the files of a page into a folder.

    Shipped configs that they name are found from anywhere: their names become
    absolute paths.
    """
    written = {}
    for name, text in files_of(page).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(with_shipped_configs(text, name), encoding='utf-8')
        written[name] = path
    return written


def with_shipped_configs(text: str, name: str = 'shown.py') -> str:
    """A config that names those of this repository by absolute paths.

    Args:
        text (str): The config.
        name (str): Its path in the repository, if it were there: relative
            names are relative to it.
    """

    def absolute(found: re.Match) -> str:
        for root in (REPO / Path(name).parent, REPO):
            # In words: the folder of a config need not be there.
            path = os.path.normpath(root / found[1])
            if os.path.isfile(path):
                return f"'{path}'"
        return found[0]

    return re.sub(r"'((?:configs|\.{1,2})/[\w./-]+\.py)'", absolute, text)


@contextmanager
def project_of(page: Path, folder: Path) -> Iterator[dict[str, Path]]:
    """The files of a page in a folder that modules are imported from.

    Afterwards nobody knows these modules, what they registered, and their
    families and modalities.
    """
    written = write_files(page, folder)
    sys.path.insert(0, str(folder))
    try:
        with more_modalities():
            yield written
    finally:
        sys.path.remove(str(folder))
        own = {
            name for name, module in sys.modules.items()
            if str(getattr(module, '__file__', None)).startswith(str(folder))
        }
        registries = [MODELS, DATASETS, TRANSFORMS]
        for parent in (mmengines.MODELS, mmengines.DATASETS,
                       mmengines.TRANSFORMS):
            registries += parent.children.values()
        for registry in registries:
            for name, kind in list(registry.module_dict.items()):
                if kind.__module__ in own:
                    del registry.module_dict[name]
        families._FAMILIES[:] = [
            f for f in families._FAMILIES if type(f).__module__ not in own
        ]
        for name in own:
            del sys.modules[name]


def package_mentions(word: str) -> list[str]:
    """Files of the package in which a word stands."""
    return [
        path.name for path in package_files()
        if re.search(rf'\b{re.escape(word)}\b', path.read_text(
            encoding='utf-8'))
    ]
