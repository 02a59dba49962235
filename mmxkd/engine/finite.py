"""Refuse a step whose loss is not a number, on all processes alike."""
from typing import Any

import torch
from mmengine.dist import all_reduce, is_distributed
from torch import Tensor

from mmxkd.errors import NonFiniteLossError


def check_finite(losses: dict[str, Any], data_samples: list | None,
                 iteration: int) -> None:
    """Raise when any term of a loss is NaN or infinite, before backward.

    In distributed training every process raises when one of them must: else
    the others would wait for its gradients until the time-out.

    Args:
        losses (dict): Name -> tensor or list of tensors, as detectors give.
        data_samples (list, optional): The samples of the batch.
        iteration (int): Iterations done before.

    Raises:
        NonFiniteLossError: It names the losses and the samples. On a process
            whose own losses are finite it says so.
    """
    names, values = [], []
    for name, value in losses.items():
        # mmengine sums only these. Others are logged, and may be undefined:
        # the recall of nothing.
        if 'loss' not in name:
            continue
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, Tensor):
                names.append(name)
                values.append(item.detach().float().mean())
    if not values:
        return
    stacked = torch.stack(values)
    finite = torch.isfinite(stacked)
    all_finite = finite.all().float()
    if is_distributed():
        all_reduce(all_finite, op='min')
    if bool(all_finite):
        return
    found = zip(names, stacked.tolist(), finite.tolist(), strict=True)
    bad = {name: value for name, value, ok in found if not ok}
    if not bad:
        bad = {'a loss on another process': float('nan')}
    raise NonFiniteLossError(bad, [sample_id(s) for s in data_samples or []],
                             iteration)


def sample_id(sample: Any) -> str:
    """What a user would look for: frame id, image path or image id."""
    meta = getattr(sample, 'metainfo', {})
    for key in ('frame_id', 'img_path', 'img_id', 'sample_idx'):
        if meta.get(key) not in (None, ''):
            return str(meta[key])
    return 'unknown'
