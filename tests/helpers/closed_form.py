"""Weights and inputs of golden runs, as formulas of their indices."""
from collections.abc import Sequence

import numpy as np


def values(shape: Sequence[int], k: int) -> np.ndarray:
    """Numbers from -0.5 to 0.5 that look random, float64.

    Args:
        shape (Sequence[int]): Four numbers.
        k (int): Makes arrays of one shape differ.
    """
    a, b, c, d = np.meshgrid(*(np.arange(1, n + 1.) for n in shape),
                             indexing='ij')
    wave = np.sin(12.9898 * a + 78.233 * b + 37.719 * c + 4.581 * d
                  + 1.618 * k)
    return (43758.5453 * wave) % 1 - 0.5


def conv_weight(shape: Sequence[int], k: int, gain: float) -> np.ndarray:
    """(out, in per group, H, W) float32."""
    scale = np.sqrt(12 * gain / np.prod(shape[1:]))
    return (values(shape, k) * scale).astype(np.float32)


def conv_bias(channels: int, k: int, scale: float) -> np.ndarray:
    """(channels, ) float32."""
    return (scale * np.sin(_numbers(channels) + k)).astype(np.float32)


def batch_norm(channels: int, k: int) -> dict[str, np.ndarray]:
    """``weight``, ``bias``, ``running_mean`` and ``running_var``, float32."""
    c = _numbers(channels)
    found = dict(weight=1 + .1 * np.sin(c + k), bias=.1 * np.cos(c + k),
                 running_mean=.05 * np.sin(2 * c + k),
                 running_var=1 + .3 * np.cos(c + 2 * k))
    return {name: array.astype(np.float32) for name, array in found.items()}


def image(shape: Sequence[int], k: int, amplitude: float) -> np.ndarray:
    """(N, C, H, W) float32."""
    return (amplitude * values(shape, k)).astype(np.float32)


def _numbers(channels: int) -> np.ndarray:
    return np.arange(1, channels + 1.)
