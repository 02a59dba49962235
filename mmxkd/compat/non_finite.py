"""NaN and infinite values in what a checkpoint would go on from.

What breaks: mmengine writes whatever the weights, the statistics of batch
norm, the averaged weights and the optimizer hold. A run that has gone wrong
replaces its last good checkpoint by one of NaN, and resumes from that.
Repair: the search for the newest checkpoint asks here
(:mod:`mmxkd.compat.latest_checkpoint`), and so does ``FiniteGuardHook`` before
a checkpoint is written and after one is loaded.
Versions: mmengine <= 0.11.0rc0. We know of no report.
Can go: when mmengine refuses to write such a checkpoint.
"""
from collections.abc import Iterator, Mapping
from typing import Any

#: The parts of a checkpoint that are looked at. Logged values may be NaN: the
#: recall of nothing.
PARTS = ('state_dict', 'ema_state_dict', 'optimizer')

#: Key of ``meta``: buffers that are infinite as the model is built, e.g. the
#: masks of an attention layer.
CONSTANTS = 'infinite_buffers'


def non_finite(checkpoint: Any) -> list[str]:
    """Which weights, statistics and optimizer states are not finite.

    Args:
        checkpoint: The content of a checkpoint, or a state dict. Infinities
            in the buffers that ``meta['infinite_buffers']`` names are meant.

    Returns:
        list[str]: Such as ``'neck.bn.running_var is NaN'``; empty where all
        values are finite.

    Examples:
        >>> import torch
        >>> non_finite(dict(state_dict=dict(w=torch.tensor([1, -torch.inf]))))
        ['w is Inf']
    """
    import torch
    named = list(_tensors(checkpoint))
    if _all_finite([tensor for _, tensor in named]):
        return []
    meta = checkpoint.get('meta')
    constants = meta.get(CONSTANTS, ()) if isinstance(meta, Mapping) else ()
    found = []
    for name, tensor in named:
        if torch.isfinite(tensor).all():
            continue
        if torch.isnan(tensor).any():
            found.append(f'{name} is NaN')
        elif not _is_constant(name, constants):
            found.append(f'{name} is Inf')
    return found


def shortened(found: list[str], shown: int = 5) -> str:
    """The first few of a list, and the number of the others.

    Examples:
        >>> shortened(['a is NaN', 'b is Inf', 'c is NaN'], 2)
        'a is NaN, b is Inf and 1 more'
    """
    more = f' and {len(found) - shown} more' if found[shown:] else ''
    return ', '.join(found[:shown]) + more


def _tensors(checkpoint: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(checkpoint, Mapping):
        return
    if 'state_dict' not in checkpoint:
        yield from _walk('', checkpoint)
        return
    for part in PARTS:
        prefix = '' if part == 'state_dict' else part
        yield from _walk(prefix, checkpoint.get(part))


def _walk(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    import torch
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(f'{name}.{key}' if name else str(key), item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _walk(f'{name}[{index}]', item)
    elif isinstance(value, torch.Tensor) and _has_fractions(value):
        yield name, _distinct(value.detach())


def _has_fractions(value: Any) -> bool:
    import torch
    return value.layout is torch.strided and (value.is_floating_point()
                                              or value.is_complex())


def _distinct(value: Any) -> Any:
    """Without repetitions: an expanded tensor may be of any size."""
    for dimension, stride in enumerate(value.stride()):
        if stride == 0 and value.shape[dimension] > 1:
            value = value.narrow(dimension, 0, 1)
    # PyTorch has no norm for eight bits.
    return value if value.dtype.itemsize > 1 else value.float()


def _all_finite(tensors: list) -> bool:
    """Fused and quick; false also for finite values near the largest."""
    import torch
    if not tensors:
        return True
    norms = torch._foreach_norm(tensors)
    # The norms may live on several devices.
    return bool(
        torch.isfinite(
            torch.stack([norm.double().cpu() for norm in norms]).sum()))


def _is_constant(name: str, constants: Any) -> bool:
    name = name.removeprefix('ema_state_dict.').removeprefix('module.')
    return name in constants
