"""Pickled data without code, wherever mmengine reads them.

What breaks: ``mmengine.load('infos.pkl')`` calls whatever the file names. An
``ann_file`` or a file of proposals that ends in ``.pkl`` runs code that way.
mmdet's ``OpenImagesDataset`` reads its class tree with ``allow_pickle=True``.
Repair: plain types, numpy arrays and tensors are read, through the stand-ins
of :mod:`mmxkd.compat.stand_ins`; all else is refused by its name. The class
tree is read without pickles: an array of numbers is one without.
Versions: mmengine <= 0.11.0rc0, mmdet 3.x. We know of no report.
Can go: when mmengine's ``PickleHandler`` reads plain types only.
"""
import functools
from types import ModuleType
from typing import Any

from mmxkd.errors import CheckpointError

from .import_hook import after_import
from .stacks import BOTH

STACKS = BOTH

# What a pickle that is cut, flipped or of something else raises.
_BAD_FILE = (EOFError, ValueError, LookupError, AttributeError, TypeError,
             ArithmeticError, MemoryError)


def apply() -> None:
    """Repair the pickle handler of mmengine and mmdet's class tree."""
    after_import('mmengine.fileio.handlers.pickle_handler', _repair_handler)
    after_import('mmdet.datasets.openimages', _repair_class_tree)


def _repair_handler(module: ModuleType) -> None:
    unpickler: Any = module.pickle.Unpickler
    fault = module.pickle.UnpicklingError

    class PlainUnpickler(unpickler):
        """Looks names up among the stand-ins, and nowhere else."""

        def find_class(self, module: str, name: str) -> Any:
            # As protocols before 3 call it.
            full = f'{module.replace("__builtin__", "builtins")}.{name}'
            known = _stand_ins()
            if full not in known:
                raise fault(f'reading it would run `{full}`')
            return known[full]

    @functools.wraps(module.PickleHandler.load_from_fileobj)
    def load_from_fileobj(self, file: Any, **kwargs: Any) -> Any:
        from .stand_ins import resolve
        try:
            return resolve(PlainUnpickler(file, **kwargs).load())
        except _BAD_FILE as error:
            raise CheckpointError(f'damaged: {error!r}') from error
        except fault as error:
            raise CheckpointError(
                f'refused: {error}. Only numbers, strings, arrays, tensors '
                'and containers of them are read; JSON holds no code'
            ) from error

    module.PickleHandler.load_from_fileobj = load_from_fileobj


@functools.cache
def _stand_ins() -> dict[str, Any]:
    """What a pickle may name."""
    from collections import OrderedDict

    import torch

    from .stand_ins import STAND_INS
    buffers = [
        f'numpy.{core}.numeric._frombuffer' for core in ('core', '_core')
    ]
    return {
        **dict.fromkeys(buffers, _frombuffer),
        **{name: value for value, name in STAND_INS},
        'collections.OrderedDict': OrderedDict,
        'builtins.set': set,
        'builtins.slice': slice,
        'builtins.complex': complex,
        '_codecs.encode': _encode,
        'torch._utils._rebuild_tensor_v2': torch._utils._rebuild_tensor_v2,
        'torch.storage._load_from_bytes': _load_from_bytes,
        'torch.serialization._get_layout': torch.serialization._get_layout,
    }


def _frombuffer(data: bytes, dtype: Any, shape: Any, order: Any) -> Any:
    """How protocol 5 stores arrays."""
    import numpy
    return numpy.frombuffer(data, dtype.dtype).reshape(shape,
                                                       order=order).copy()


def _encode(text: str, encoding: str) -> bytes:
    """How protocols before 3 store bytes."""
    if encoding != 'latin1':
        raise ValueError(f'bytes in {encoding!r}')
    return text.encode('latin1')


def _load_from_bytes(data: bytes) -> Any:
    """A tensor's storage, which torch pickles as a file in the file."""
    import io

    import torch
    return torch.load(io.BytesIO(data), weights_only=True)


def _repair_class_tree(module: ModuleType) -> None:
    module.np = _WithoutPickles('numpy')


class _WithoutPickles(ModuleType):
    """numpy whose ``load`` reads no pickles, whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        import numpy
        return getattr(numpy, name)

    @staticmethod
    def load(file: Any, *args: Any, **kwargs: Any) -> Any:
        """Of an array of numbers, with the file in every error."""
        import numpy
        try:
            return numpy.load(file, allow_pickle=False)
        except ValueError as error:
            raise CheckpointError(f'{file}: refused: {error}') from error
