"""Modalities that only one test knows."""
from collections.abc import Iterator
from contextlib import contextmanager

from mmxkd.modalities import MODALITIES, Modality, register_modality


@contextmanager
def more_modalities(*entries: Modality) -> Iterator[None]:
    """Register modalities; afterwards the table is what it was."""
    before = dict(MODALITIES)
    try:
        for entry in entries:
            register_modality(entry)
        yield
    finally:
        MODALITIES.clear()
        MODALITIES.update(before)
