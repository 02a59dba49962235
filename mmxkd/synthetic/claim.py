"""One folder holds one synthetic data set."""
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmxkd.errors import ConfigError
from mmxkd.io.claims import claim

SETTINGS_FILE = 'synthetic.json'


def claim_folder(root: Path, settings: Any,
                 left_out: Iterable[str] = ()) -> None:
    """Refuse to mix two data sets in one folder.

    Real data has the same names as synthetic data, and would be overwritten.

    Args:
        root (Path): Of the data set.
        settings (Any): A dataclass; what determines its bytes.
        left_out (Iterable[str]): Settings that do not, at their defaults:
            added later than the oldest folders that there are.

    Raises:
        ConfigError: ``root`` holds a data set with other settings, or files
            that no synthetic data set has claimed.
        CorruptSampleError: The file of its settings cannot be read.
    """
    wanted = asdict(settings)
    for key in left_out:
        del wanted[key]
    if root.is_dir() and not (root / SETTINGS_FILE).is_file():
        # Hidden files, and what a stopped run was writing, are nobody's data.
        others = sorted(path.name for path in root.iterdir()
                        if not path.name.startswith('.')
                        and not path.name.startswith(SETTINGS_FILE))
        if others:
            raise ConfigError(
                f'{root}: holds files that are not synthetic, such as '
                f'{others[0]!r}, and no {SETTINGS_FILE}; choose a new folder')
    # As JSON gives them back: without tuples.
    claim(root / SETTINGS_FILE, json.loads(json.dumps(wanted)))
