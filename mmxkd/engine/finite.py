"""Refuse a step or a checkpoint of values that are not numbers."""
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce, is_distributed
from torch import Tensor, nn

from mmxkd.compat.non_finite import CONSTANTS, non_finite, shortened
from mmxkd.errors import CheckpointError, NonFiniteLossError

#: Parameters that an error names; of the others it gives the number.
SHOWN = 5


def check_finite(losses: dict[str, Any], data_samples: list | None,
                 iteration: int, same_names: bool = False) -> None:
    """Raise when a term of the loss is NaN or infinite, before backward.

    In distributed training every process raises when one of them must: else
    the others would wait for its gradients until the time-out.

    Args:
        losses (dict): Name -> tensor or list of tensors, as detectors give.
        data_samples (list, optional): The samples of the batch.
        iteration (int): Iterations done before.
        same_names (bool): Whether all processes must have the same losses:
            DDP waits for the gradients of each parameter.

    Raises:
        NonFiniteLossError: It names the losses and the samples. On a process
            whose own losses are finite it says so.
        RuntimeError: The processes have losses of other names; on all of
            them, in the place of a wait without end.
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
    if not (values or is_distributed()):
        return
    stacked = torch.stack(values) if values else torch.zeros(1)
    finite = torch.isfinite(stacked)
    if is_distributed():
        # One message for both; a float32 holds 24 bits of the names.
        code = _code(names) if same_names else 0
        bounds = torch.stack([
            finite.all().float(),
            stacked.new_tensor(code, dtype=torch.float32),
            stacked.new_tensor(-code, dtype=torch.float32)
        ])
        all_reduce(bounds, op='min')
        all_finite, least, most = bounds.tolist()
        if least != -most:
            _refuse_other_names(names, data_samples)
    else:
        all_finite = bool(finite.all())
    if all_finite:
        return
    found = zip(names, stacked.tolist(), finite.tolist(), strict=True)
    bad = {name: value for name, value, ok in found if not ok}
    if not bad:
        bad = {'a loss on another process': float('nan')}
    raise NonFiniteLossError(bad, [sample_id(s) for s in data_samples or []],
                             iteration)


def _code(names: Sequence[str]) -> int:
    """24 bits that are the same for the same names, in every process."""
    digest = hashlib.blake2b('\n'.join(sorted(set(names))).encode(),
                             digest_size=3)
    return int.from_bytes(digest.digest(), 'big')


def _refuse_other_names(names: Sequence[str],
                        data_samples: list | None) -> None:
    all_names = all_gather_object(sorted(set(names)))
    common = set.intersection(*map(set, all_names))
    extra = [
        f'rank {rank} has, and not all have: {", ".join(others)}'
        for rank, found in enumerate(all_names)
        if (others := sorted(set(found) - common))
    ]
    samples = ', '.join(sample_id(s) for s in data_samples or [])
    raise RuntimeError(
        f'the losses of the processes differ: {"; ".join(extra)}. Samples of '
        f'this process: {samples or "unknown"}. A loss without a target must '
        'be 0, and not be left out')


def check_gradients(parameters: Iterable[nn.Parameter], model: nn.Module,
                    samples: Sequence[str], iteration: int) -> None:
    """Raise when a gradient is NaN or infinite, before the step.

    Args:
        parameters (Iterable[nn.Parameter]): Those that are about to be
            stepped.
        model (nn.Module): Knows their names.
        samples (Sequence[str]): Ids of the samples that the gradients are of.
        iteration (int): Iterations done before.

    Raises:
        NonFiniteLossError: It names the last parameters at fault, which are
            the nearest to the loss, with the number of the others.
    """
    gradients = {id(p): p.grad for p in parameters if p.grad is not None}
    if not gradients:
        return
    norms = torch._foreach_norm(list(gradients.values()))
    # NaN and infinity survive every sum.
    if bool(torch.isfinite(torch.stack([n.float() for n in norms]).sum())):
        return
    faults = {}
    for name, parameter in model.named_parameters():
        gradient = gradients.get(id(parameter))
        if gradient is not None and not bool(torch.isfinite(gradient).all()):
            is_nan = bool(torch.isnan(gradient).any())
            faults[name] = float('nan' if is_nan else 'inf')
    if not faults:
        return  # Finite ones, whose squares are not: a gradient of 1e19.
    names = list(faults)[::-1]
    shown = {f'gradient of {name}': faults[name] for name in names[:SHOWN]}
    if names[SHOWN:]:
        others = [faults[name] for name in names[SHOWN:]]
        worst = next((v for v in others if v != v), float('inf'))
        shown[f'gradient of {len(others)} more parameters'] = worst
    raise NonFiniteLossError(shown, samples, iteration)


def infinite_buffers(model: nn.Module) -> list[str]:
    """Buffers that hold infinities, such as the masks of an attention layer.

    Of a model as it is built, before anything was loaded or trained: there
    they are meant.
    """
    return [
        # By the names in a checkpoint, which may differ from the model's own.
        name for name, value in model.state_dict(keep_vars=True).items()
        if isinstance(value, Tensor) and not isinstance(value, nn.Parameter)
        and value.is_floating_point() and bool(torch.isinf(value).any())
    ]


def check_checkpoint(checkpoint: Any, source: str,
                     infinite: Sequence[str] = ()) -> None:
    """Raise when a loaded checkpoint holds values that are not finite.

    Args:
        checkpoint: Its content, or a state dict.
        source (str): The file, for the message.
        infinite (Sequence[str]): Buffers that may hold infinities.

    Raises:
        CheckpointError: It names the first few.
    """
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(
            f'{source} holds a {type(checkpoint).__name__}; expected a '
            'checkpoint or a state dict')
    meta = dict(checkpoint.get('meta') or {})
    meta[CONSTANTS] = [*meta.get(CONSTANTS, ()), *infinite]
    if 'state_dict' not in checkpoint:
        checkpoint = dict(state_dict=checkpoint)
    found = non_finite({**checkpoint, 'meta': meta})
    if found:
        raise CheckpointError(f'{source} is not finite: {shortened(found)}')


def sample_id(sample: Any) -> str:
    """What a user would look for: frame id, image path or image id."""
    meta = getattr(sample, 'metainfo', {})
    for key in ('frame_id', 'img_path', 'img_id', 'sample_idx'):
        if meta.get(key) not in (None, ''):
            return str(meta[key])
    return 'unknown'
