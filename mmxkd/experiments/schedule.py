"""Several runs at a time, each after those that it needs."""
import time
from collections.abc import Mapping, Sequence
from concurrent import futures as cf
from graphlib import TopologicalSorter

from .gpus import free_gpu, visible_gpus
from .run import Run

STATUS_SECONDS = 20


def run_all(runs: Sequence[Run], jobs: int) -> None:
    """Execute runs, ``jobs`` at a time, the first in the list first.

    Each gets a GPU, where there are any: one that as few as possible have.
    Prints where they are every :data:`STATUS_SECONDS`. When one fails, or
    when an exception such as ``KeyboardInterrupt`` arrives, the others are
    asked to end in good order, and waited for.

    Args:
        runs (Sequence[Run]): With all that they need.
        jobs (int): How many at a time.

    Raises:
        ToolError: Training or testing fails.
    """
    order = {run: number for number, run in enumerate(runs)}
    sorter = TopologicalSorter({run: run.needs.values() for run in runs})
    sorter.prepare()
    ready: list[Run] = []
    active: dict[cf.Future, Run] = {}
    finished = 0
    begin = time.monotonic()
    next_status = begin + STATUS_SECONDS
    gpus = visible_gpus()
    pool = cf.ThreadPoolExecutor(jobs)
    try:
        while sorter.is_active():
            ready += sorter.get_ready()
            ready.sort(key=order.__getitem__)
            while ready and len(active) < jobs:
                run = ready.pop(0)
                run.gpu = free_gpu(gpus, [r.gpu for r in active.values()])
                active[pool.submit(run.execute)] = run
            done = cf.wait(active, max(0, next_status - time.monotonic()),
                           cf.FIRST_COMPLETED).done
            for future in done:
                run = active.pop(future)
                future.result()
                sorter.done(run)
                finished += 1
            if time.monotonic() >= next_status:
                next_status = time.monotonic() + STATUS_SECONDS
                seconds = int(time.monotonic() - begin)
                print(status_line(active, finished, len(runs), seconds),
                      flush=True)
    finally:
        for run in active.values():
            print(f'{run.name}: stopping', flush=True)
            run.stop()
        pool.shutdown()


def status_line(active: Mapping[cf.Future, Run], finished: int, total: int,
                seconds: int) -> str:
    """``'[1:20] 3/21 models done · seed 0 mse: train epoch 3, 50/180'``."""
    runs = ' · '.join(f'{run.name}: {run.status()}' for run in active.values())
    return (f'[{seconds // 60}:{seconds % 60:02d}] {finished}/{total} '
            f'models done · {runs}')
