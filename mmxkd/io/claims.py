"""A folder belongs to the settings that its files were made with."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmxkd.errors import ConfigError

from .atomic import write_json
from .text import read_json


def claim(path: Path, settings: Mapping[str, Any]) -> None:
    """Note settings in a file, or compare them with those that it holds.

    Args:
        path (Path): The file, in the folder that is claimed or below.
        settings (Mapping): JSON; what determines the bytes of the files.

    Raises:
        ConfigError: The file holds other settings; says which, and both
            values.
        CorruptSampleError: The file cannot be read.
    """
    if not path.is_file():
        write_json(path, dict(settings))
        return
    found = read_json(path, 'settings')
    before = found if isinstance(found, dict) else {}
    changed = [
        f'{key}={before.get(key)!r:.80} there, {settings.get(key)!r:.80} now'
        for key in sorted({*before, *settings})
        if before.get(key) != settings.get(key)
    ]
    if changed:
        raise ConfigError(f'{path}: the files here were made with other '
                          f'settings ({"; ".join(changed)}); choose another '
                          'folder or remove them')
