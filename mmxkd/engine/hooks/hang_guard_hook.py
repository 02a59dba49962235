"""End a distributed run when one process fails, and say which one."""
import hashlib
import sys
from collections import deque
from types import TracebackType
from typing import Any

import torch
from mmengine.dist import (
    all_gather_object,
    all_reduce,
    get_rank,
    get_world_size,
    is_distributed,
)
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict
from torch import nn

from mmxkd.engine.finite import sample_id
from mmxkd.engine.heartbeat import Heartbeat
from mmxkd.engine.watchdog import Watchdog
from mmxkd.registry import HOOKS

#: Seconds without progress, where ``env_cfg.dist_cfg.timeout`` is not set.
DEFAULT_TIMEOUT = 600


@HOOKS.register_module()
class HangGuardHook(Hook):
    """Name the process and the samples at which a distributed run stopped.

    PyTorch ends the processes that *wait* too long, and does not say for
    whom. Here each process notes what it does and on which samples. When one
    of them makes no progress for the timeout, or dies, the others print
    where each of them stands; a process that hangs prints its stack and
    ends itself. So does every process when the losses of two have other
    names, which would let one wait for gradients that never come.

    With one process it does nothing.

    Args:
        timeout (float, optional): Seconds without progress after which a
            process ends. By default ``env_cfg.dist_cfg.timeout``, or 600.
            It must be longer than the evaluation on the first process.
    """

    # Before the hooks that wait for other processes.
    priority = 'VERY_HIGH'

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        self._heartbeat: Heartbeat | None = None
        self._samples: list[str] = []
        self._handles: list[Any] = []
        self._drawn: deque = deque()

    def before_run(self, runner) -> None:
        if not is_distributed() or self._heartbeat is not None:
            return
        env_cfg = runner.cfg.get('env_cfg') or {}
        timeout = self.timeout or (env_cfg.get('dist_cfg')
                                   or {}).get('timeout') or DEFAULT_TIMEOUT
        self._heartbeat = Heartbeat(runner.log_dir, get_rank(),
                                    get_world_size())
        self._watchdog: Watchdog | None = None
        self._timeout = timeout
        self._stock_hook, sys.excepthook = sys.excepthook, self._explain

    def before_train(self, runner) -> None:
        if self._heartbeat is None:
            return
        model = runner.model.module if is_model_wrapper(
            runner.model) else runner.model

        def forward_done(module: nn.Module, args: tuple, kwargs: dict,
                         output: Any) -> None:
            if module.training and isinstance(output, dict):
                self._beat(f'backward of iteration {runner.iter + 1}')
                self._compare(sorted(output))

        def backward_done(*args: Any) -> None:
            self._beat(f'optimizer step of iteration {runner.iter + 1}')

        wrappers = [runner.optim_wrapper]
        if isinstance(runner.optim_wrapper, OptimWrapperDict):
            wrappers = list(runner.optim_wrapper.values())
        self._handles = [
            model.register_forward_hook(forward_done, with_kwargs=True),
            wrappers[0].optimizer.register_step_pre_hook(backward_done)
        ]
        self._drawn = _note_indices(runner.train_loop.dataloader)

    def _before_epoch(self, runner, mode: str = 'train') -> None:
        self._load(runner, mode, 0)

    def _before_iter(self, runner, batch_idx: int, data_batch: Any = None,
                     mode: str = 'train') -> None:
        if self._heartbeat is None:
            return
        samples = data_batch.get('data_samples') if isinstance(
            data_batch, dict) else None
        self._samples = [sample_id(s) for s in samples] if isinstance(
            samples, (list, tuple)) else []
        if mode == 'train' and self._drawn:
            self._drawn.popleft()
        self._beat(f'forward of {_step(runner, mode, batch_idx)}')

    def _after_iter(self, runner, batch_idx: int, data_batch: Any = None,
                    outputs: Any = None, mode: str = 'train') -> None:
        # The counter of iterations is raised after these hooks.
        self._load(runner, mode, batch_idx + 1, done=1)

    def _after_epoch(self, runner, mode: str = 'train') -> None:
        self._samples = []
        self._beat(f'end of the {mode} epoch')

    def after_run(self, runner) -> None:
        if self._heartbeat is None:
            return
        if self._watchdog is not None:
            self._watchdog.stop()
        for handle in self._handles:
            handle.remove()
        sys.excepthook = self._stock_hook
        self._heartbeat.close()
        self._heartbeat = None

    def _load(self, runner, mode: str, batch_idx: int, done: int = 0) -> None:
        """The next batch is being loaded: its samples have no names yet."""
        if self._heartbeat is None:
            return
        drawn = self._drawn[0] if mode == 'train' and self._drawn else ()
        self._samples = [f'index {i} of the dataset' for i in drawn]
        # What the hooks after this one do is a part of it.
        self._beat('hooks, then loading of '
                   + _step(runner, mode, batch_idx, done))

    def _beat(self, doing: str) -> None:
        if self._heartbeat is None:
            return
        if self._watchdog is None:
            self._watchdog = Watchdog(self._timeout, self._hangs)
        self._watchdog.feed()
        self._heartbeat.beat(doing, self._samples)

    def _compare(self, names: list[str]) -> None:
        """Let all processes fail together where their losses differ."""
        digest = hashlib.sha256('\n'.join(names).encode()).digest()
        number = int.from_bytes(digest[:7], 'big')
        bounds = torch.tensor([number, -number])
        all_reduce(bounds, op='max')
        if int(bounds[0]) == -int(bounds[1]):
            return
        all_names = all_gather_object(names)
        common = set.intersection(*map(set, all_names))
        extra = '; '.join(f'rank {rank} alone or not all have: '
                          f'{", ".join(sorted(set(found) - common))}'
                          for rank, found in enumerate(all_names)
                          if set(found) - common)
        raise RuntimeError(
            f'the losses of the processes have other names. {extra}. Samples '
            f'of this process: {", ".join(self._samples)}. A loss without a '
            'target must be 0, and not be left out')

    def _hangs(self) -> str:
        assert self._heartbeat is not None
        return (f'rank {self._heartbeat.rank} made no progress for '
                f'{self._timeout:.0f} s, and ends.\n'
                + self._heartbeat.report() + self._indices())

    def _indices(self) -> str:
        """What this process was to load next, where it knows."""
        if not self._drawn:
            return ''
        return ('\nThe next batch of this process has the indices '
                f'{list(self._drawn[0])} of the dataset.\n')

    def _explain(self, kind: type[BaseException], error: BaseException,
                 trace: TracebackType | None) -> None:
        """Beside the traceback, say where all processes stand."""
        if self._heartbeat is not None:
            print(
                f'rank {self._heartbeat.rank} ends by {kind.__name__}.\n'
                + self._heartbeat.report() + self._indices(), file=sys.stderr,
                flush=True)
        self._stock_hook(kind, error, trace)


def _step(runner, mode: str, batch_idx: int, done: int = 0) -> str:
    if mode == 'train':
        return f'iteration {runner.iter + done + 1}'
    return f'{mode} batch {batch_idx + 1}'


def _note_indices(loader: Any) -> deque:
    """Keep the indices of each batch that the sampler has drawn.

    Returns:
        deque: Those that nobody took away, the oldest first.
    """
    drawn: deque = deque(maxlen=1000)
    sampler = loader.batch_sampler
    if sampler is None:
        return drawn
    stock = type(sampler)

    class Noted(stock):  # type: ignore[misc, valid-type]

        def __iter__(self):
            drawn.clear()
            for indices in super().__iter__():
                drawn.append(indices)
                yield indices

    Noted.__name__, Noted.__qualname__ = stock.__name__, stock.__qualname__
    sampler.__class__ = Noted
    return drawn
