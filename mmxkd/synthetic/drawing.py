"""The frames of a synthetic data set, drawn by several processes."""
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mmxkd.io.atomic import remove_partial
from mmxkd.io.parallel import parallel_map

T = TypeVar('T')


def draw_frames(root: Path, settings: Any, write: Callable[..., T],
                number: int, num_workers: int, what: str) -> list[T]:
    """Draw all frames; no half-written file stays, whatever happens.

    Args:
        root (Path): Of the data set.
        settings (Any): What to draw.
        write (Callable): ``write(index, root=…, settings=…)`` draws a frame.
        number (int): Of frames.
        num_workers (int): Processes; the result does not depend on it.
        what (str): Is being drawn, for the progress bar.

    Returns:
        list: What ``write`` gave for each frame.
    """
    try:
        return list(
            parallel_map(partial(write, root=root, settings=settings),
                         range(number), num_workers, what))
    finally:
        remove_partial(root, recursive=True)
