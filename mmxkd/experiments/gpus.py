"""Which GPU a run gets."""
import os
from collections import Counter
from collections.abc import Iterable, Sequence


def visible_gpus() -> list[str]:
    """What ``CUDA_VISIBLE_DEVICES`` names, or the number of each GPU."""
    stated = os.environ.get('CUDA_VISIBLE_DEVICES')
    if stated is not None:
        return [name.strip() for name in stated.split(',') if name.strip()]
    import torch
    return [str(number) for number in range(torch.cuda.device_count())]


def free_gpu(gpus: Sequence[str], taken: Iterable[str | None]) -> str | None:
    """The one that the fewest runs have, the first of several.

    Args:
        gpus (Sequence[str]): All.
        taken (Iterable[str | None]): That of each run at work.

    Returns:
        str | None: None where there is no GPU.

    Examples:
        >>> free_gpu(['0', '1'], ['0'])
        '1'
        >>> free_gpu(['0', '1'], ['1', '0', '1'])
        '0'
    """
    runs = Counter(taken)
    return min(gpus, key=lambda gpu: runs[gpu], default=None)
