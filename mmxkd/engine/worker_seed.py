"""Seeds of data-loader workers."""
import random

import numpy as np
import torch

from mmxkd.registry import FUNCTIONS


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seed python and numpy in a worker from the seed torch gave it.

    That seed is drawn from the main process's generator at the start of each
    epoch, plus the worker's number. mmengine's own function seeds with the
    same numbers in every epoch, so that (unless the workers persist) every
    epoch draws the same augmentations.

    Args:
        worker_id (int): Number of the worker; it is in the seed already.
    """
    seed = torch.initial_seed()
    random.seed(seed)
    np.random.seed(seed % 2**32)
