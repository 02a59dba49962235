"""MMRazor's own distillation configs for detection, converted.

    python -m tests.helpers.mmrazor_shipped

prints the table of docs/from_mmrazor.md.
"""
import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

from mmengine.config import utils

from mmxkd.errors import ConfigError
from mmxkd.migration import Conversion, convert_mmrazor
from mmxkd.migration.mmrazor_config import read_config
from mmxkd.migration.zoo import configs_of

KINDS = ('mmdet', 'mmdet3d')
HEAD = '''| MMRazor's config | student | teacher | losses here | result |
|---|---|---|---|---|
'''


def shipped() -> list[Path]:
    """All distillation configs of MMRazor for detection."""
    root = configs_of('mmrazor', 'mmrazor') / 'distill'
    return sorted(path for kind in KINDS
                  for path in root.glob(f'{kind}/**/*.py'))


@contextmanager
def metafiles_read_once() -> Iterator[None]:
    """mmengine reads all metafiles of a package for each name in it."""
    with mock.patch.object(utils, 'load', functools.cache(utils.load)):
        yield


def convert_all(folder: Path) -> dict[str, Conversion | ConfigError]:
    """Name of a config → what became of it; its file is in ``folder``."""
    found: dict[str, Conversion | ConfigError] = {}
    with metafiles_read_once():
        for path in shipped():
            try:
                found[path.stem] = convert_mmrazor(path, folder / path.name)
            except ConfigError as error:
                found[path.stem] = error
    return found


def losses_of(distiller: dict) -> list[str]:
    """Type and number of levels of each loss."""
    found = []
    for loss in distiller.get('losses', {}).values():
        points = loss['student']
        levels = (len(points) if isinstance(points, list) else int(
            points.partition('[:')[2].rstrip(']')))
        found.append(f'`{loss["type"]}`, {levels} levels')
    theirs = [x['type'] for x in distiller.get('distill_losses', {}).values()]
    found += [
        f'{theirs.count(kind)} × `{kind}`' for kind in sorted(set(theirs))
    ]
    return found


def table(folder: Path, results: dict[str, Conversion | ConfigError]) -> str:
    """The table of the page."""
    rows = []
    for name, result in results.items():
        if isinstance(result, ConfigError):
            rows.append(f'| `{name}` | | | | refused: {result} |\n')
            continue
        model = read_config(folder / f'{name}.py')['model']
        teacher = model['teachers']['teacher']['cfg']
        rows.append(f'| `{name}` | {model["student"]["type"]} '
                    f'| `{Path(teacher.partition("::")[2]).stem}` '
                    f'| {"; ".join(losses_of(model["distiller"]))} '
                    '| converted, builds |\n')
    return HEAD + ''.join(rows)


if __name__ == '__main__':
    import mmxkd  # noqa: F401
    if find_spec('mmrazor') is None:
        raise SystemExit('error: mmrazor is not installed')
    with tempfile.TemporaryDirectory() as name:
        print(table(Path(name), convert_all(Path(name))))
