"""Golden numbers of monocular networks, and how to compare with them.

The data lie beside the checkout, in ``monommkd_golden``; its README defines
the closed forms below.
"""
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

FILES = ('net_did', 'net_gup', 'targets', 'teacher_depth', 'losses_decode',
         'gup', 'htl_did', 'htl_monoskd', 'kd')


@dataclass(frozen=True)
class Comparison:
    """One golden array against what was computed."""
    key: str
    error: float
    bar: float

    def __str__(self) -> str:
        return f'{self.key}: {self.error:.2e} (bar {self.bar:.0e})'


class Golden:
    """A golden file that remembers what was compared."""

    def __init__(self, folder: Path, name: str) -> None:
        with np.load(folder / f'{name}.npz', allow_pickle=False) as arrays:
            self.arrays = {key: arrays[key] for key in arrays.files}
        self.name = name
        self.given: set[str] = set()
        self.compared: list[Comparison] = []

    def __getitem__(self, key: str) -> np.ndarray:
        """An input of the computation."""
        self.given.add(key)
        return self.arrays[key]

    def tensor(self, key: str) -> torch.Tensor:
        """An input; floats in double precision."""
        value = torch.from_numpy(np.ascontiguousarray(self[key]))
        return value.double() if value.is_floating_point() else value

    def note(self, key: str, error: float, bar: float) -> None:
        self.compared.append(Comparison(key, float(error), bar))

    def check(self, key: str, found, bar: float = 1e-8) -> None:
        """Compare an array, whole or by its sums and samples.

        The error is the largest difference over the largest value.
        """
        found = _array(found)
        if f'{key}_shape' in self.arrays:
            shape = tuple(self.arrays[f'{key}_shape'])
            self.note(f'{key}_shape', float(found.shape != shape), 0.5)
            sums = self.arrays[f'{key}_sums']
            own = np.array(
                [found.sum(),
                 np.abs(found).sum(), (found**2).sum()])
            scale = np.array([sums[1], sums[1], sums[2]])
            self.note(f'{key}_sums', np.abs((own - sums) / scale).max(), bar)
            if key not in self.arrays:
                index = self[f'{key}_idx']
                self._compare(f'{key}_at', found.reshape(-1)[index], bar)
                return
        self._compare(key, found, bar)

    def _compare(self, key: str, found: np.ndarray, bar: float) -> None:
        expected = np.asarray(self.arrays[key])
        if expected.dtype.kind == 'f':
            expected = expected.astype(np.float64)
        if expected.shape != found.shape:
            raise AssertionError(f'{self.name}: {key} is {found.shape}, '
                                 f'expected {expected.shape}')
        if expected.dtype.kind in 'biu':
            self.note(key, float((expected != found).mean()), 0.0)
            return
        both = np.isnan(expected) & np.isnan(found)
        gap = np.where(both, 0, np.abs(found - expected))
        scale = max(np.nanmax(np.abs(expected), initial=0), 1e-12)
        self.note(key, np.max(gap, initial=0) / scale, bar)

    @property
    def used(self) -> set[str]:
        return self.given | {c.key for c in self.compared}

    def assert_good(self, start: str = '') -> None:
        """Every comparison whose key starts so, and there is one."""
        own = [c for c in self.compared if c.key.startswith(start)]
        assert own, f'{self.name}: nothing compared of {start!r}'
        bad = [str(c) for c in own if not c.error <= c.bar]
        assert not bad, f'{self.name}: {len(bad)} of {len(own)}: ' + '; '.join(
            bad[:10])


def _array(value) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value)


def sines(shape: tuple[int, ...], a: float, s: float = 0) -> torch.Tensor:
    """S(shape, a, s) of the README."""
    n = np.arange(1, np.prod(shape) + 1, dtype=np.float64)
    return torch.from_numpy(np.sin(a * n + s).reshape(shape))


def frac(z: np.ndarray) -> np.ndarray:
    return z - np.floor(z)


def scatter(shape: tuple[int, ...], s: float) -> torch.Tensor:
    """R(shape, s) of the README."""
    n = np.arange(1, np.prod(shape) + 1, dtype=np.float64)
    values = frac(43758.5453 * np.sin(12.9898 * n + 78.233 * s)) - 0.5
    return torch.from_numpy(values.reshape(shape))


def conv_weight(shape: tuple[int, ...], k: int, s: float = 0) -> torch.Tensor:
    grids = np.meshgrid(*[np.arange(1, n + 1.) for n in shape], indexing='ij')
    u = frac(43758.5453 *
             np.sin(12.9898 * grids[0] + 78.233 * grids[1] + 37.719 * grids[2]
                    + 4.581 * grids[3] + 0.7071 * k + 2.399 * s)) - 0.5
    return torch.from_numpy(u * np.sqrt(12 / np.prod(shape[1:])))


@torch.no_grad()
def fill_layers(modules: Mapping[str, nn.Module], golden: Golden,
                prefix: str = 'layer') -> list[nn.Module]:
    """Give each layer the weights of the closed form; the layers in order."""
    layers = []
    for k, name, kind, shape in zip(golden[f'{prefix}_k'].tolist(),
                                    golden[f'{prefix}_name'].tolist(),
                                    golden[f'{prefix}_kind'].tolist(),
                                    golden[f'{prefix}_shape'].tolist(),
                                    strict=True):
        layer = modules[name]
        layers.append(layer)
        size = tuple(map(int, shape.split('x')))
        assert tuple(layer.weight.shape) == size, name
        fill_layer(layer, k, name, kind)
    return layers


@torch.no_grad()
def fill_layer(layer, k: int, name: str, kind: str, s: float = 0) -> None:
    """The closed form of one layer of number k."""
    channels = torch.arange(1, layer.weight.shape[0] + 1., dtype=torch.float64)
    if kind.startswith('conv'):
        layer.weight.copy_(conv_weight(tuple(layer.weight.shape), k, s))
        assert (layer.bias is not None) == kind.endswith('bias'), name
        if layer.bias is not None:
            bias = 0.05 * torch.sin(channels + 0.3 * k + s)
            if name == 'heatmap.2':
                bias -= 2.19
            if name == 'size_2d.2':
                bias += torch.tensor([6., 4.])
            layer.bias.copy_(bias)
    elif kind == 'bn':
        c = channels
        layer.weight.copy_(1 + 0.2 * torch.sin(1.3 * c + k + s))
        layer.bias.copy_(0.1 * torch.sin(0.7 * c + 2 * k + s))
        layer.running_mean.copy_(0.1 * torch.sin(0.9 * c + 3 * k + s))
        layer.running_var.copy_(1 + 0.4 * torch.sin(0.5 * c + k + s))
    else:
        assert kind == 'deconv', kind
