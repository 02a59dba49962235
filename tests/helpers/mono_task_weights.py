"""Task weights of a monocular run whose losses are known."""
from collections.abc import Iterable, Sequence

from mmxkd.mono3d.task_weights import PARENTS, HierarchicalTaskWeights


def task_weights(losses: Iterable[Sequence[float]],
                 skip_first: bool) -> list[list[float]]:
    """One row per epoch, of 140 in all; not clamped, as published."""
    tasks = HierarchicalTaskWeights(140, clamp=False, skip_first=skip_first)
    found = []
    for epoch, row in enumerate(losses):
        found.append(list(tasks.weights(epoch).values()))
        tasks.append(epoch, dict(zip(PARENTS, row, strict=True)))
    return found
