"""Distributed training on machines without CUDA.

What breaks: ``init_dist`` with launcher ``pytorch``, ``slurm`` or ``mpi``
calls ``torch.cuda.set_device`` and takes the backend ``nccl`` from the usual
config; ``Runner.wrap_model`` gives ``device_ids`` to
``DistributedDataParallel``, which refuses them for a model on the CPU.
``sync_bn`` of the config, or a norm of type ``SyncBN``, gives layers of
``SyncBatchNorm``, which raise on the CPU.
Repair: without CUDA, the process group is gloo, no device is set, and
``device_ids`` is None. Layers of ``SyncBatchNorm`` become batch norms over
the batch of each process, as mmengine makes of them in a run of one process;
the log says so. With CUDA nothing changes: the functions of mmengine run as
they are.
Versions: mmengine <= 0.11.0rc0. We know of no report.
Can go: when ``bash tools/dist_train.sh`` runs on a CPU with stock mmengine.
"""
import contextlib
import functools
from collections.abc import Iterator
from types import ModuleType

from .import_hook import after_import, replace
from .stacks import BOTH

STACKS = BOTH

_LAUNCHERS = ('_init_dist_pytorch', '_init_dist_slurm', '_init_dist_mpi')


def apply() -> None:
    """Repair the launchers and the model wrapper of mmengine."""
    after_import('mmengine.dist.utils', _repair_launchers)
    after_import('mmengine.model.wrappers.distributed', _repair_wrapper)


def _repair_launchers(module: ModuleType) -> None:
    for name in _LAUNCHERS:
        replace(module, name, _on_cpu_too(getattr(module, name)))


def _on_cpu_too(stock):

    @functools.wraps(stock)
    def launch(backend, *args, **kwargs):
        from mmengine.device import get_device
        if get_device() != 'cpu':
            return stock(backend, *args, **kwargs)
        with _no_cuda_device():
            return stock('gloo', *args, **kwargs)

    return launch


@contextlib.contextmanager
def _no_cuda_device() -> Iterator[None]:
    """Let ``torch.cuda.set_device`` pass while a launcher calls it."""
    import torch
    stock = torch.cuda.set_device
    torch.cuda.set_device = lambda device: None
    try:
        yield
    finally:
        torch.cuda.set_device = stock


def _repair_wrapper(module: ModuleType) -> None:
    wrapper = module.MMDistributedDataParallel
    stock_init = wrapper.__init__

    @functools.wraps(stock_init)
    def __init__(self, module, *args, **kwargs):
        if all(p.device.type == 'cpu' for p in module.parameters()):
            kwargs['device_ids'] = None
            _revert_sync_bn(module)
        stock_init(self, module, *args, **kwargs)

    wrapper.__init__ = __init__


def _revert_sync_bn(model) -> None:
    names = [
        name for name, layer in model.named_modules()
        # PyTorch's or mmcv's.
        if type(layer).__name__ == 'SyncBatchNorm'
    ]
    if not names:
        return
    import logging

    from mmengine.logging import print_log
    from mmengine.model import revert_sync_batchnorm
    revert_sync_batchnorm(model)
    print_log(
        f'SyncBatchNorm works on GPUs alone: {len(names)} layers, the first '
        f'of them {names[0]}, take the statistics of the batch of each '
        'process by itself', logger='current', level=logging.WARNING)
