"""One folder holds one synthetic data set."""
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmxkd.io.claims import claim

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
        CorruptSampleError: The file of its settings cannot be read.
    """
    wanted = asdict(settings)
    for key in left_out:
        del wanted[key]
    # As JSON gives them back: without tuples.
    claim(root / SETTINGS_FILE, json.loads(json.dumps(wanted)))
