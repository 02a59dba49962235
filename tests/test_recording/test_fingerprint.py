"""Fingerprints against big integers, and what they notice."""
import hashlib

import pytest
import torch

from mmxkd.recording.fingerprint import fingerprint, joined, weights_sha256


def slow(tensor):
    """The same sum, word by word, with integers of any size."""
    raw = tensor.contiguous().numpy().tobytes()
    raw += b'\0' * (-len(raw) % 4)
    total = 0
    for i in range(len(raw) // 4):
        word = int.from_bytes(raw[4 * i:4 * i + 4], 'little', signed=True)
        total += word * factor(i + 1)
    kind = f'{tuple(tensor.shape)} {tensor.dtype}'.encode()
    total += int.from_bytes(
        hashlib.blake2b(kind, digest_size=8).digest(), 'big')
    return f'{total % 2**64:016x}'


def factor(i):
    """splitmix64 on signed integers of 64 bits, made odd."""
    x = signed(i * 0x9e3779b97f4a7c15)
    x = signed((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9)
    x = signed((x ^ (x >> 27)) * 0x94d049bb133111eb)
    return (x ^ (x >> 31)) | 1


def signed(x):
    x %= 2**64
    return x - 2**64 if x >= 2**63 else x


@pytest.mark.parametrize('tensor', [
    torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0)),
    torch.arange(-50, 57, dtype=torch.int8),
    torch.randn(9, generator=torch.Generator().manual_seed(1)).half(),
    torch.tensor(True),
    torch.zeros(0, 4),
], ids=['float', 'int8', 'half', 'bool', 'empty'])
def test_against_big_integers(tensor):
    assert fingerprint(tensor) == slow(tensor)


def test_every_change_is_noticed():
    """One value, one bit, a shift, a flip, a shape, a dtype, a sign."""
    picture = torch.rand(3, 16, 24, generator=torch.Generator().manual_seed(2))
    found = {fingerprint(picture)}
    changed = [
        picture.roll(1, 2),
        picture.flip(2),
        picture.flip(1), -picture,
        picture.reshape(3, 24, 16),
        picture.view(torch.int32), picture[[1, 0, 2]],
        picture.bfloat16()
    ]
    for i in range(picture.numel()):
        for bit in (0, 16, 31):
            other = picture.clone()
            other.view(-1).view(
                torch.int32)[i] ^= -2**31 if bit == 31 else (2**bit)
            changed.append(other)
    found |= {fingerprint(other) for other in changed}
    assert len(found) == 1 + len(changed)


def test_layout_in_memory_does_not_matter():
    picture = torch.rand(4, 6)
    assert fingerprint(picture.t()) == fingerprint(picture.t().contiguous())


def test_joined_keeps_the_order():
    one, two = 'a' * 16, 'b' * 16
    assert joined([one]) == one
    assert len({joined([one, two]), joined([two, one]), joined([one])}) == 3


def test_weights_change_the_sum():
    weights = dict(a=torch.ones(2), b=torch.tensor(3))
    others = [
        dict(weights, a=torch.ones(2).double()),
        dict(weights, b=torch.tensor(4)),
        dict(a=weights['a'], c=weights['b']),
        dict(weights, a=torch.ones(2, 1))
    ]
    assert weights_sha256(dict(reversed(
        weights.items()))) == weights_sha256(weights)
    assert len({weights_sha256(w) for w in [weights, *others]}) == 5
