"""A function over many items, in several processes."""
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cv2
from tqdm import tqdm


def _init_worker() -> None:
    # One process per core already: inner threads would only compete.
    cv2.setNumThreads(1)


def parallel_map(function: Callable[[Any], Any], items: Sequence[Any],
                 num_workers: int, description: str) -> Iterator[Any]:
    """Apply ``function`` to every item with a progress bar, in order.

    Args:
        function (Callable): Picklable when ``num_workers`` > 1.
        items (Sequence): Its arguments.
        num_workers (int): Processes; 0 or 1 runs in this one.
        description (str): Shown at the progress bar.

    Yields:
        The results, in the order of ``items``.
    """

    def show(results: Iterable[Any]) -> Iterator[Any]:
        yield from tqdm(results, total=len(items), desc=description,
                        disable=not items)

    if num_workers <= 1:
        yield from show(map(function, items))
        return
    # A forked child that finds OpenCV's threads gone waits for them for ever:
    # they must end before.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        # Unlike multiprocessing.Pool this notices a worker that was killed.
        with ProcessPoolExecutor(num_workers,
                                 initializer=_init_worker) as pool:
            yield from show(pool.map(function, items, chunksize=4))
    finally:
        cv2.setNumThreads(threads)
