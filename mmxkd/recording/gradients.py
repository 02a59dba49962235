"""Whether a loss can teach through what was recorded."""
from typing import Any

from .recorders import RecordError, tensors_in


def check_gradient(record: Any, where: str) -> None:
    """Raise where no gradient can flow back from a record.

    Args:
        record: Tensors in nested lists, tuples and dicts. Those of whole
            numbers need no gradient.
        where (str): Who reads it where, for the message.

    Raises:
        RecordError: A tensor has no gradient, and what may be the reason.
    """
    dead = [
        i for i, tensor in enumerate(tensors_in(record))
        if tensor.is_floating_point() and not tensor.requires_grad
    ]
    if dead:
        raise RecordError(
            f'{where} carries no gradient (tensors {dead} of it), so this '
            'loss cannot teach. The layer is frozen, or runs inside a '
            'reentrant checkpoint (with_cp=True): record the layer around it, '
            'or use checkpoint(use_reentrant=False)')
