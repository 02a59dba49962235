"""Files that run code, or ask for the impossible, in readers that trust them.

Each writer gets a folder and the path of a marker file that the payload
would create, and returns the hostile file.
"""
import builtins
import io
import json
import os
import pickle  # noqa: S403 - this makes the hostile files
import runpy
import struct
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

Writer = Callable[[Path, str], Path]


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call

    def __call__(self):
        """Only what is callable may stand in the place of a function."""


def touch(marker: str) -> Call:
    return Call(os.system, f'touch {marker}')


def _pth(content: Callable[[str], object], **options) -> Writer:

    def write(folder: Path, marker: str) -> Path:
        path = folder / 'hostile.pth'
        torch.save(content(marker), path, **options)
        return path

    return write


def _chain(marker: str) -> dict:
    """``getattr(__import__('os'), 'system')``, by calls alone."""
    module = Call(__import__, 'os')
    return {'state_dict': Call(Call(getattr, module, 'system'), 'x' + marker)}


def _chain_through_history(marker: str) -> dict:
    """From the one class whose methods a checkpoint of mmengine names."""
    from mmengine.logging import HistoryBuffer
    method = Call(getattr, HistoryBuffer, 'mean')
    names = Call(getattr, method, '__globals__')
    return {'meta': Call(getattr, names, '__getitem__')}


def _bare_pickle(folder: Path, marker: str) -> Path:
    path = folder / 'hostile.pth'
    path.write_bytes(pickle.dumps({'state_dict': touch(marker)}))
    return path


def _tar(folder: Path, marker: str) -> Path:
    """The format of PyTorch before 0.4."""
    path = folder / 'hostile.pth'
    hostile = pickle.dumps(touch(marker), 2)
    with tarfile.open(path, 'w') as archive:
        for name in ('storages', 'tensors', 'pickle', 'sys_info'):
            member = tarfile.TarInfo(name)
            member.size = len(hostile)
            archive.addfile(member, io.BytesIO(hostile))
    return path


def _script(folder: Path, marker: str) -> Path:
    """An archive of TorchScript, which is code."""
    path = folder / 'hostile.pth'
    torch.jit.save(torch.jit.trace(torch.nn.Identity(), torch.ones(1)), path)
    return path


def _safetensors(header: bytes, length: int | None = None) -> Writer:

    def write(folder: Path, marker: str) -> Path:
        path = folder / 'hostile.safetensors'
        size = len(header) if length is None else length
        path.write_bytes(struct.pack('<Q', size) + header)
        return path

    return write


def _huge_tensor() -> bytes:
    return json.dumps(
        dict(w=dict(dtype='F32', shape=[10**6, 10**7],
                    data_offsets=[0, 4 * 10**13]))).encode()


def _code(marker: str) -> str:
    return f'open({marker!r}, "w").close()'


#: Checkpoints: all doors of weights must refuse each of them.
CHECKPOINTS: dict[str, Writer] = {
    'state_dict':
    _pth(lambda m: {'state_dict': {'w': touch(m)}}),
    'meta':
    _pth(lambda m: {'meta': touch(m), 'state_dict': {}}),
    'optimizer':
    _pth(lambda m: {'optimizer': touch(m), 'state_dict': {}}),
    'exec':
    _pth(lambda m: {'a': Call(builtins.exec, _code(m))}),
    'open':
    _pth(lambda m: {'a': Call(open, m, 'w')}),
    'subprocess':
    _pth(lambda m: {'a': Call(subprocess.call, ['touch', m])}),
    'Path.touch':
    _pth(lambda m: {'a': Call(Path.touch, Path(m))}),
    'run_path':
    _pth(lambda m: {'a': Call(runpy.run_path, m)}),
    'getattr chain':
    _pth(_chain),
    'chain through HistoryBuffer':
    _pth(_chain_through_history),
    'protocol 0':
    _pth(lambda m: {'a': touch(m)}, pickle_protocol=0),
    'protocol 5':
    _pth(lambda m: {'a': touch(m)}, pickle_protocol=5),
    'before 1.6':
    _pth(lambda m: {'a': touch(m)}, _use_new_zipfile_serialization=False),
    'tar': _tar,
    'bare pickle': _bare_pickle,
    'TorchScript': _script,
    'safetensors, header of 2^60 bytes': _safetensors(b'{}', 2**60),
    'safetensors, deep header': _safetensors(b'{"a":' * 100_000),
    'safetensors, huge tensor': _safetensors(_huge_tensor()),
}  # yapf: disable


def _text(name: str, content: Callable[[str], str]) -> Writer:

    def write(folder: Path, marker: str) -> Path:
        path = folder / name
        path.write_text(content(marker))
        return path

    return write


def _yaml(content: Callable[[str], str]) -> Writer:
    return _text('hostile.yaml', content)


def _laughs(marker: str) -> str:
    """Ten aliases of ten aliases of …: 10^12 values in a few lines."""
    lines = ['a0: &a0 [x]']
    lines += [
        f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 10)}]'
        for i in range(1, 13)
    ]
    return '\n'.join(lines)


#: Configs in YAML and JSON: all doors of configs must refuse each of them.
CONFIGS: dict[str, Writer] = {
    'apply':
    _yaml(lambda m: f'a: !!python/object/apply:os.system ["touch {m}"]'),
    'apply, in short':
    _yaml(lambda m: f'a: !!python/object/apply:builtins.open [{m}, w]'),
    'new':
    _yaml(lambda m: f'a: !!python/object/new:subprocess.Popen [[touch, {m}]]'),
    'name':
    _yaml(lambda m: 'a: !!python/name:os.system'),
    'module':
    _yaml(lambda m: 'a: !!python/module:antigravity'),
    'key':
    _yaml(lambda m:
          f'? !!python/object/apply:os.system ["touch {m}"]\n: 1'),
    'other prefix':
    _yaml(lambda m: '%TAG !p! tag:yaml.org,2002:python/object/apply:\n---\n'
          f'a: !p!os.system ["touch {m}"]'),
    'aliases without end': _yaml(_laughs),
    'an alias of itself': _yaml(lambda m: 'a: &a [*a]'),
    'YAML too deep': _yaml(lambda m: 'a: ' + '[' * 100_000),
    'JSON too deep': _text('hostile.json', lambda m: '{"a":' * 100_000),
    'JSON deep': _text(
        'hostile.json', lambda m: '{"a":' * 800 + '1' + '}' * 800),
}  # yapf: disable


def _pkl(content: Callable[[str], object], protocol: int) -> Writer:

    def write(folder: Path, marker: str) -> Path:
        path = folder / 'hostile.pkl'
        path.write_bytes(pickle.dumps(content(marker), protocol))
        return path

    return write


#: Files of annotations, as mmengine's own format of them.
INFOS: dict[str, Writer] = {
    **{
        f'.pkl, protocol {p}':
        _pkl(lambda m: dict(metainfo={}, data_list=[touch(m)]), p)
        for p in (0, 2, 4, 5)
    },
    '.pkl, getattr chain': _pkl(_chain, 2),
    '.yaml': _text('hostile.yaml', lambda m: 'metainfo: {}\ndata_list:\n- '
                   f'!!python/object/apply:os.system ["touch {m}"]'),
    '.json too deep': _text('hostile.json', lambda m: '[' * 100_000),
}  # yapf: disable


def object_array(folder: Path, marker: str) -> Path:
    """A ``.npy`` file of objects, which numpy pickles."""
    path = folder / 'hostile.npy'
    np.save(path, np.array([touch(marker)], object), allow_pickle=True)
    return path
