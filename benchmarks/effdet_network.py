"""EfficientDet-D2 of ``effdet``, the opponent of ``efficientdet_step.py``.

Of effdet 0.4.1 (Apache-2.0), only the network runs here. To install it::

    pip install --no-deps effdet==0.4.1 timm==1.0.31 \\
        omegaconf==2.3.0 antlr4-python3-runtime==4.9.3 \\
        "huggingface_hub<1" safetensors

``--no-deps`` keeps the torch that is there, and leaves torchvision out.
"""
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from torch import Tensor, nn

INSTALL = (__doc__ or '').split('::')[1].split('\n\n')[1]


# effdet compiles its detection with these two, so that they need types.
def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor,
                iou_threshold: float) -> Tensor:
    raise NotImplementedError


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    raise NotImplementedError


class _Name(type):
    """Type of a placeholder: its attributes are placeholders too."""

    def __getattr__(cls, name: str) -> '_Name':
        if name.startswith('__'):
            raise AttributeError(name)
        return _Name(name, (), {})


class _Module(ModuleType):
    """A module of placeholders."""

    def __getattr__(self, name: str) -> _Name:
        if name.startswith('__'):
            raise AttributeError(name)
        return _Name(name, (), {})


class _Finder(MetaPathFinder, Loader):

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition('.')[0] != self.package:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == 'torchvision.ops.boxes':
            module.__dict__.update(batched_nms=batched_nms,
                                   remove_small_boxes=remove_small_boxes)


@contextmanager
def placeholders(package: str) -> Iterator[None]:
    """Let imports from a package succeed, with names that do nothing.

    timm and effdet import torchvision for pictures, boxes and a type of norm
    to compare with. Their networks use none of it, and there is no CPU build
    of it for this torch.
    """
    finder = _Finder(package)
    real = {
        name: sys.modules.pop(name) for name in list(sys.modules)
        if name.partition('.')[0] == package
    }
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in list(sys.modules):
            if name.partition('.')[0] == package:
                del sys.modules[name]
        sys.modules.update(real)


def build(side: int, classes: int) -> nn.Module:
    """``tf_efficientdet_d2`` with fresh weights.

    Its call gives logits and deltas, each a list of one map per level, of
    images of ``side`` × ``side``.

    Raises:
        SystemExit: effdet or what it needs is not installed.
    """
    try:
        with placeholders('torchvision'):
            from effdet import create_model
    except ModuleNotFoundError as error:
        raise SystemExit(
            f'this benchmark compares with effdet 0.4.1, and {error.name} is '
            f'not installed; to install it:\n\n{INSTALL}') from error
    return create_model('tf_efficientdet_d2', num_classes=classes,
                        image_size=(side, side), pretrained_backbone=False)
