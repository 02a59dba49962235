"""What a loss must state for the tests that run for every loss.

Each file of ``loss_cases/`` has a list ``CASES``; ``test_all_losses.py`` runs
them.
"""
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

STRIDES = (8, 16, 32, 64, 128)


@dataclass
class Draw:
    """Random arguments of one call. The same seed gives the same numbers.

    Attributes:
        seed (int): Of the generator; see :meth:`maps`.
        batch (int): Number of images.
        sizes (tuple): H, W of each level. Level i has stride 8 · 2^i.
        boxes (int): Ground-truth boxes in each image; 0: no object.
    """
    seed: int = 0
    batch: int = 2
    sizes: Sequence[tuple[int, int]] = ((6, 8), (3, 4))
    boxes: int = 2

    def __post_init__(self) -> None:
        self._generator = torch.Generator().manual_seed(self.seed)

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the padded input in pixels."""
        return self.sizes[0][0] * STRIDES[0], self.sizes[0][1] * STRIDES[0]

    @property
    def strides(self) -> list[tuple[int, int]]:
        """Stride (x, y) of each level, as the distiller gives it."""
        return [(s, s) for s in STRIDES[:len(self.sizes)]]

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers; other ones at each call."""
        return torch.randn(*shape, generator=self._generator)

    def maps(self, channels: int = 3) -> list[Tensor]:
        """(N, channels, H, W) for each level."""
        return [self.normal(self.batch, channels, *s) for s in self.sizes]

    def bboxes(self) -> list[Tensor]:
        """(G, 4) x1, y1, x2, y2 of each image, in pixels, inside of it."""
        height, width = self.input_shape
        whole = torch.tensor([width, height]).float()
        found = []
        for _ in range(self.batch):
            corner = torch.rand(self.boxes, 2, generator=self._generator)
            size = torch.rand(self.boxes, 2, generator=self._generator)
            corner, size = corner / 2 * whole, (size / 4 + 0.25) * whole
            found.append(torch.cat([corner, corner + size], 1))
        return found

    def metas(self) -> list[dict]:
        """``metainfo`` of each image; the last one is padded."""
        height, width = self.input_shape
        sizes = [(height, width)] * (self.batch - 1) + [
            (height - 9, width - 13)
        ]
        return [
            dict(img_shape=s, batch_input_shape=(height, width)) for s in sizes
        ]

    def samples(self, classes: int = 3) -> list[SimpleNamespace]:
        """Data samples in shape: ``gt_instances``, metas as attributes."""
        return [
            SimpleNamespace(
                metainfo=meta, **meta, gt_instances=SimpleNamespace(
                    bboxes=boxes, labels=torch.arange(len(boxes)) % classes))
            for meta, boxes in zip(self.metas(), self.bboxes(), strict=True)
        ]

    def anchors(self, scales: Sequence[float] = (2., 4.)) -> list[Tensor]:
        """(H·W·A, 4) of each level: squares around each cell's corner."""
        found = []
        for (h, w), stride in zip(self.sizes, STRIDES, strict=False):
            y, x = torch.meshgrid(
                torch.arange(h) * stride,
                torch.arange(w) * stride, indexing='ij')
            centre = torch.stack([x, y], -1).reshape(-1, 1, 2).float()
            half = torch.tensor(scales)[:, None] * stride / 2
            found.append(
                torch.cat([centre - half, centre + half], -1).reshape(-1, 4))
        return found


@dataclass(frozen=True)
class LossCase:
    """One loss with one set of options.

    Attributes:
        name (str): Of the case, e.g. ``'cwd'`` or ``'cwd-tau4'``.
        build (callable): () → the loss module. Called after a fixed seed.
        inputs (callable): :class:`Draw` → all arguments of the call, by
            name, in float32. Student and teacher must differ.
        student, teacher (tuple[str]): Arguments that belong to them; any
            nesting of lists of tensors.
        zero_at_equality (bool): A divergence: 0 where student and teacher
            are the same, and positive elsewhere.
        equal (callable, optional): Arguments → arguments where they are the
            same. Default: each of ``teacher`` becomes its ``student``.
        takes_boxes (bool): It reads ground truth.
        zero_without_boxes (bool): Then it is exactly 0 without any.
        by_level (bool): The value of a level depends on this level alone,
            for arguments that are lists of levels.
        gradcheck (bool): The gradient is that of the value. Not so where a
            gradient is reversed or cut off on purpose.
    """
    name: str
    build: Callable[[], nn.Module]
    inputs: Callable[[Draw], dict[str, Any]]
    student: tuple[str, ...] = ('s_feature', )
    teacher: tuple[str, ...] = ('t_feature', )
    zero_at_equality: bool = False
    equal: Callable[[dict], dict] | None = None
    takes_boxes: bool = False
    zero_without_boxes: bool = True
    by_level: bool = True
    gradcheck: bool = True

    def module(self) -> nn.Module:
        """The loss, always with the same parameters."""
        torch.manual_seed(0)
        return self.build().train()

    def made_equal(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Arguments where the teacher says what the student says."""
        if self.equal is not None:
            return self.equal(arguments)
        return arguments | {
            t: arguments[s]
            for s, t in zip(self.student, self.teacher, strict=True)
        }


def map_tensors(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Apply a function to the floating-point tensors of nested lists."""
    if isinstance(value, (list, tuple)):
        return [map_tensors(function, v) for v in value]
    if isinstance(value, Tensor) and value.is_floating_point():
        return function(value)
    return value


def tensors(value: Any) -> Iterator[Tensor]:
    """The floating-point tensors in nested lists."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors(part)
    elif isinstance(value, Tensor) and value.is_floating_point():
        yield value


def load(path: Path) -> ModuleType:
    """A file of ``loss_cases/`` as a module."""
    spec = importlib.util.spec_from_file_location(f'cases_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def all_cases() -> list[LossCase]:
    """The cases of all files."""
    files = sorted(Path(__file__).parent.glob('loss_cases/*.py'))
    return [case for path in files for case in load(path).CASES]
