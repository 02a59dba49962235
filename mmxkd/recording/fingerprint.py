"""A short name for the exact content of tensors."""
import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad


def fingerprint(tensor: Tensor) -> str:
    """64 bits that change when a value, the shape or the dtype changes.

    The sum of all 32-bit words, each times a fixed pseudo-random factor,
    modulo 2⁶⁴. It is the same on every device, since integers wrap around
    without rounding, and costs about as much as copying the tensor. It is
    meant to notice accidents, not attacks.

    Examples:
        >>> picture = torch.arange(6.).reshape(1, 2, 3)
        >>> fingerprint(picture) == fingerprint(picture.clone())
        True
        >>> fingerprint(picture) == fingerprint(picture.flip(2))
        False
    """
    raw = tensor.detach().contiguous().flatten().view(torch.uint8)
    if len(raw) % 4:
        raw = pad(raw, (0, 4 - len(raw) % 4))
    words = raw.view(torch.int32)
    total = int((_factors(len(words), words.device) * words).sum())
    kind = f'{tuple(tensor.shape)} {tensor.dtype}'
    seed = hashlib.blake2b(kind.encode(), digest_size=8).digest()
    return f'{(total + int.from_bytes(seed)) % 2**64:016x}'


# A batch has one or two sizes; a few more live while they change.
@lru_cache(maxsize=4)
def _factors(length: int, device: torch.device) -> Tensor:
    """(length, ) int64: a fixed odd factor for each place."""
    # splitmix64, by which neighbours get unrelated factors.
    x = torch.arange(1, length + 1, device=device) * -0x61c8864680b583eb
    x = (x ^ (x >> 30)) * -0x40a7b892e31b1a47
    x = (x ^ (x >> 27)) * -0x6b2fb644ecceee15
    return (x ^ (x >> 31)) | 1


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, dtypes, shapes and values of a state dict."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        value = value.detach().cpu().contiguous()
        digest.update(f'{name} {value.dtype} {tuple(value.shape)}\n'.encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def joined(fingerprints: Iterable[str]) -> str:
    """One fingerprint of several, in order."""
    text = ' '.join(fingerprints)
    return text if len(text) <= 16 else hashlib.blake2b(
        text.encode(), digest_size=8).hexdigest()
