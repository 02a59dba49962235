"""Configs and weights of installed OpenMMLab packages, by ``package::path``.

mmengine's own look-up (``mmengine.hub``) installs a package that is missing;
here nothing is installed, imported or downloaded.
"""
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from mmxkd.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class ZooConfig:
    """A config that an installed package ships.

    Attributes:
        package (str): Its package, ``'mmdet'``.
        path (str): Below the package's ``configs``.
        file (Path): Where it lies.
        asked (str): The name that was asked for.
    """
    package: str
    path: str
    file: Path
    asked: str

    @property
    def name(self) -> str:
        """Its name in ``_base_`` and ``cfg``."""
        return f'{self.package}::{self.path}'

    @property
    def renamed(self) -> bool:
        """Whether the package has another name for it today."""
        return self.name != self.asked

    def weights(self) -> str | None:
        """Where the package's model zoo keeps its weights; None if nowhere."""
        for model in _models_of(self.file.parent / 'metafile.yml'):
            if model.get('Config') == f'configs/{self.path}':
                return model.get('Weights')
        return None


def find_config(name: str, key: str) -> ZooConfig:
    """Find ``'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'``.

    mmdet 3 wrote ``-`` for many ``_`` in the names of its configs; an old name
    is found where exactly one config differs from it in this only.

    Args:
        name (str): Package and path.
        key (str): The config key at fault in errors.

    Raises:
        ConfigError: The package is not installed, or has no such config.
    """
    package, colons, path = str(name).partition('::')
    if not colons or not package.isidentifier():
        raise ConfigError(f"{key}={name!r}: expected 'package::path', such as "
                          "'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'")
    root = configs_of(package, key)
    if not path.endswith('.py'):
        path += '.py'
    if not (root / path).is_file():
        path = _renamed(path, root, f'{key}={name!r}', package)
    return ZooConfig(package, path, root / path, name)


def configs_of(package: str, key: str) -> Path:
    """The folder with the configs of an installed package.

    Raises:
        ConfigError: The package is not installed, or ships none.
    """
    spec = find_spec(package)
    places = [] if spec is None else spec.submodule_search_locations or []
    for place in places:
        root = Path(place) / '.mim/configs'
        if root.is_dir():
            return root
    raise ConfigError(f'{key}: {package} '
                      + ('ships no configs' if places else 'is not installed'))


def _renamed(path: str, root: Path, what: str, package: str) -> str:
    known = [
        str(file.relative_to(root).as_posix()) for file in root.rglob('*.py')
    ]
    same = [other for other in known if _squashed(other) == _squashed(path)]
    if len(same) == 1:
        return same[0]
    raise ConfigError(f'{what}: {package} has no such config; '
                      + did_you_mean(f'{package}::{path}', (f'{package}::{k}'
                                                            for k in known)))


def _squashed(path: str) -> str:
    return re.sub('[-_]', '', path).lower()


def owner_of(weights: str, package: str) -> str | None:
    """Path of the config that a file of weights belongs to.

    Args:
        weights (str): File or URL; its name counts.
        package (str): Whose model zoo is asked.

    Returns:
        str | None: Below ``configs``; None where the zoo does not know it.
    """
    name = os.path.basename(weights)
    for file in sorted(configs_of(package, package).rglob('metafile.yml')):
        if name not in file.read_text(encoding='utf-8'):
            continue
        for model in _models_of(file):
            if os.path.basename(model.get('Weights') or '') == name:
                return str(model['Config']).removeprefix('configs/')
    return None


def _models_of(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    content = yaml.safe_load(file.read_text(encoding='utf-8'))
    # Metafiles of one model may be a bare list.
    models = content.get('Models') if isinstance(content, dict) else content
    return list(models or [])
