"""Checkpoints in the safetensors format, read like any other.

What breaks: mmengine reads every checkpoint with ``torch.load``.
Repair: a local file that ends in ``.safetensors`` is read with the package of
that name, wherever mmengine loads a checkpoint: ``load_from``, ``init_cfg``,
teachers, tools/test.py. It holds weights, and what :func:`write_safetensors`
adds as ``meta``; a run cannot be resumed from it.
Versions: mmengine <= 0.11.0rc0. We know of no report.
Can go: when mmengine reads the format.
"""
import json
import os
from collections.abc import Mapping
from typing import Any

from mmxkd.errors import CheckpointError
from mmxkd.io.atomic import write_atomic

ENDING = '.safetensors'
# The format's own metadata are strings; `meta` stands under this key as JSON.
_META = 'mmxkd_meta'


def read_safetensors(path: str, map_location: Any = None) -> dict[str, Any]:
    """Read a file into ``dict(state_dict=…, meta=…)``.

    Args:
        path (str): Local file.
        map_location (str | torch.device, optional): Where the weights go;
            the CPU where it is something else.

    Raises:
        CheckpointError: The file is damaged, or the package is missing.
    """
    safetensors = _package(path)
    try:
        with safetensors.safe_open(path, framework='pt') as file:
            text = (file.metadata() or {}).get(_META, '{}')
            weights = {key: file.get_tensor(key) for key in file.keys()}
        meta = json.loads(text)
    except (safetensors.SafetensorError, ValueError) as error:
        raise CheckpointError(
            f'{path}: damaged, or not a safetensors file: {error}') from error
    if not isinstance(meta, dict):
        raise CheckpointError(f'{path}: its {_META} is not a dict')
    if isinstance(map_location, str) or hasattr(map_location, 'type'):
        weights = {
            key: value.to(map_location) for key, value in weights.items()
        }
    return dict(state_dict=weights, meta=meta)


def write_safetensors(path: str | os.PathLike, weights: Mapping[str, Any],
                      meta: Mapping[str, Any]) -> None:
    """Write weights, atomically; see :func:`.io.atomic.write_atomic`.

    Args:
        path (str | os.PathLike): Ends in ``.safetensors``.
        weights (Mapping[str, Tensor]): Those that share memory are written
            each under its own name.
        meta (Mapping): What JSON can hold, e.g. ``dataset_meta``.

    Raises:
        CheckpointError: The package is missing.
    """
    path = os.fspath(path)
    _package(path)
    from safetensors.torch import save
    copies = {
        key: value.detach().cpu().clone().contiguous()
        for key, value in weights.items()
    }
    content = save(copies, {'format': 'pt', _META: json.dumps(meta)})
    write_atomic(path, lambda file: file.write(content))


def _package(path: str) -> Any:
    try:
        import safetensors
    except ImportError as error:
        raise CheckpointError(
            f'{path}: this format needs a package that is not installed: '
            'pip install safetensors') from error
    return safetensors
