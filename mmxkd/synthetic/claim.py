"""One folder holds one synthetic data set."""
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmxkd.errors import ConfigError
from mmxkd.io.atomic import write_json

SETTINGS_FILE = 'synthetic.json'


def claim_folder(root: Path, settings: Any,
                 left_out: Iterable[str] = ()) -> None:
    """Refuse to mix two data sets in one folder.

    Args:
        root (Path): Of the data set.
        settings (Any): A dataclass; what determines its bytes.
        left_out (Iterable[str]): Settings that do not, at their defaults:
            added later than the oldest folders that there are.

    Raises:
        ConfigError: ``root`` holds a data set with other settings.
    """
    path = root / SETTINGS_FILE
    wanted = asdict(settings)
    for key in left_out:
        del wanted[key]
    if path.is_file():
        found = json.loads(path.read_text(encoding='utf-8'))
        if found != json.loads(json.dumps(wanted)):
            raise ConfigError(
                f'{path}: this folder holds a data set made with other '
                'settings; choose another folder or remove it')
        return
    write_json(path, wanted)
