"""Checkpoints: plain content, written whole, read without running code.

What breaks: (a) mmengine <= 0.10.7 cannot load or resume any checkpoint that
its Runner wrote on torch >= 2.6, where ``torch.load`` refuses pickled objects
(``HistoryBuffer``, numpy, ``builtins.getattr``). (b) It writes under the final
name, so that a killed run leaves half a file there. (c) URLs are read with
``weights_only=False``, i.e. a downloaded file can run code.
Repair: store plain types, through a temporary name, and read everything with
``weights_only=True``; files of stock mmengine are read through inert stand-ins
(:mod:`mmxkd.compat.stand_ins`). There is no fall-back to unrestricted reading.
Versions: mmengine 0.10.x (0.11.0rc0 reads with ``weights_only=False``, which
is a hole and not a repair). Reported: open-mmlab/mmengine#1655, #1650, #1670.
Can go: when mmengine stores plain types and reads with ``weights_only=True``.
"""
import errno
import functools
import os.path as osp
import re
import struct
import zlib
from collections.abc import Callable
from pickle import UnpicklingError
from types import ModuleType
from typing import Any
from zipfile import BadZipFile, is_zipfile

from mmxkd.errors import CheckpointError
from mmxkd.io.atomic import write_atomic

from .import_hook import after_import, replace
from .safetensors_files import ENDING, read_safetensors
from .stacks import BOTH
from .zip_records import fault_of_archive

STACKS = BOTH

# What torch.load raises for files that are cut, flipped or hostile.
_BAD_FILE = (UnpicklingError, RuntimeError, EOFError, ValueError, LookupError,
             AttributeError, TypeError, AssertionError, ArithmeticError,
             MemoryError, BadZipFile, struct.error, zlib.error)


def apply() -> None:
    """Repair ``mmengine.runner.checkpoint`` and what imported from it."""
    after_import('mmengine.runner.checkpoint', _repair_checkpoint_module)
    after_import('mmengine.logging.message_hub', _repair_message_hub)


def read_checkpoint(path: str, map_location: Any = None) -> Any:
    """Read a local checkpoint, of ours or of stock mmengine, without code.

    Args:
        path (str): Local file.
        map_location: As for ``torch.load``.

    Returns:
        Any: The content; ``HistoryBuffer`` and numpy arrays of a stock
        mmengine file are rebuilt.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file is damaged (a check sum differs, a part
            is missing), or needs code to be read. Names the file and the
            record or the global.
    """
    import torch
    if not osp.isfile(path):
        raise FileNotFoundError(f'{path} can not be found.')
    if path.endswith(ENDING):
        return read_safetensors(path, map_location)

    def read() -> Any:
        try:
            fault = fault_of_archive(path) if is_zipfile(path) else None
            if fault:
                raise CheckpointError(f'{path}: {fault}')
            return torch.load(path, map_location=map_location,
                              weights_only=True)
        except OSError as error:
            # What the zip reader raises for an archive that lost its end.
            if error.errno == errno.EINVAL:
                raise EOFError('the file is cut off') from error
            raise

    return _without_code(path, read)


def _without_code(source: str, read: Callable[[], Any]) -> Any:
    from .stand_ins import resolve, stand_ins
    try:
        with stand_ins():
            return resolve(read())
    except _BAD_FILE as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(_explain(source, error)) from error


def _explain(source: str, error: Exception) -> str:
    text = str(error)
    name = re.search(r'GLOBAL (\S+)', text)
    if name:
        return (f'{source}: refused, because reading it would run '
                f'`{name.group(1)}`. Only tensors, numbers, strings and '
                'containers of them are read. If you trust the file, store '
                'its state_dict alone, in the project that wrote it.')
    reason = re.search(r'WeightsUnpickler error:\s*(.*)', text)
    if reason:
        return f'{source}: refused: {reason.group(1)}'
    first = text.splitlines()[0] if text else type(error).__name__
    return f'{source}: damaged, or not a checkpoint: {first}'


def _repair_checkpoint_module(module: ModuleType) -> None:
    if getattr(module, '_mmxkd', False):
        return
    module._mmxkd = True
    loader = module.CheckpointLoader
    stock_load = loader.load_checkpoint.__func__

    @functools.wraps(stock_load)
    def load_checkpoint(cls, filename, map_location=None, logger='current'):
        if '://' in str(filename) and str(filename).endswith(ENDING):
            raise CheckpointError(f'{filename}: only local files of this '
                                  'format are read; download it first')
        return _without_code(
            filename, lambda: stock_load(cls, filename, map_location, logger))

    @functools.wraps(module.load_from_local)
    def load_from_local(filename, map_location):
        return read_checkpoint(osp.expanduser(filename), map_location)

    loader.load_checkpoint = classmethod(load_checkpoint)
    loader.register_scheme('', load_from_local, force=True)
    replace(module, 'load_from_local', load_from_local)
    module.load_url = functools.partial(module.load_url, weights_only=True)
    _replace_save(module)


def _replace_save(module: ModuleType) -> None:
    from .plain import to_plain
    stock_save = module.save_checkpoint

    @functools.wraps(stock_save)
    def save_checkpoint(checkpoint: dict, filename: str,
                        file_client_args: dict | None = None,
                        backend_args: dict | None = None) -> None:
        import torch
        plain = to_plain(checkpoint)
        if _is_local(filename, file_client_args or backend_args or {}):
            write_atomic(filename, lambda file: torch.save(plain, file))
        else:
            stock_save(plain, filename, file_client_args, backend_args)

    replace(module, 'save_checkpoint', save_checkpoint)


def _is_local(filename: str, backend: dict) -> bool:
    return '://' not in filename and backend.get('backend',
                                                 'local') in ('local', 'disk')


def _repair_message_hub(module: ModuleType) -> None:
    stock_load = module.MessageHub.load_state_dict

    @functools.wraps(stock_load)
    def load_state_dict(self, state_dict) -> None:
        if isinstance(state_dict, dict) and 'log_scalars' in state_dict:
            from .plain import to_history
            scalars = state_dict['log_scalars'].items()
            state_dict = {
                **state_dict, 'log_scalars': {
                    k: to_history(v) for k, v in scalars
                }
            }
        stock_load(self, state_dict)

    module.MessageHub.load_state_dict = load_state_dict
