"""End a distributed run when one process fails, and say which one."""
import sys
from types import TracebackType
from typing import Any

from mmengine.dist import get_rank, get_world_size, is_distributed
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from torch import nn

from mmxkd.engine.bare_model import bare_model
from mmxkd.engine.finite import sample_id
from mmxkd.engine.heartbeat import Heartbeat
from mmxkd.engine.next_samples import NextSamples
from mmxkd.engine.watchdog import Watchdog, runs_in
from mmxkd.registry import HOOKS

#: Seconds that a step may take at most, unless the config says otherwise.
STEP_TIMEOUT = 600


@HOOKS.register_module()
class HangGuardHook(Hook):
    """Name the process and the samples at which a distributed run stopped.

    PyTorch ends the processes that *wait* too long, and does not say for
    whom. Here each process notes what it does and on which samples. When one
    of them dies, or makes no progress for the timeout, all print where each
    of them stands; the one that hangs prints its stack and ends itself.

    Only what takes part in each step is limited: forward, backward, step,
    and loading a further batch. Whatever may take long in a healthy run is
    not, on the process that does it and on those that wait for it: the start
    of the workers and the first batch, the first iteration
    (``torch.compile``), hooks (checkpoints, pictures) and the evaluation.
    There PyTorch's own timeout holds, ``env_cfg.dist_cfg.timeout``.

    With one process it does nothing.

    Args:
        timeout (float, optional): Seconds without progress. By default
            ``env_cfg.dist_cfg.timeout``, but 600 at most.
    """

    # Before the hooks that wait for other processes.
    priority = 'VERY_HIGH'

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        self._heartbeat: Heartbeat | None = None
        self._samples: list[str] = []
        self._handles: list[Any] = []
        self._next: NextSamples | None = None
        # Loops that have begun: their first iteration is not limited.
        self._warm: dict[str, bool] = {}

    def before_run(self, runner) -> None:
        if not is_distributed() or self._heartbeat is not None:
            return
        env_cfg = runner.cfg.get('env_cfg') or {}
        stated = (env_cfg.get('dist_cfg') or {}).get('timeout')
        timeout = self.timeout or min(stated or STEP_TIMEOUT, STEP_TIMEOUT)
        self._heartbeat = Heartbeat(runner.log_dir, get_rank(),
                                    get_world_size())
        self._watchdog = Watchdog(timeout, self._hangs,
                                  runs_in('mmengine.runner'))
        self._stock_hook, sys.excepthook = sys.excepthook, self._explain
        self._warm = {}
        self._beat(runner, 'start of the run', limited=False)
        if not any(isinstance(hook, _AfterHooks) for hook in runner.hooks):
            runner.register_hook(_AfterHooks(self), 'LOWEST')

    def before_train(self, runner) -> None:
        if self._heartbeat is None:
            return
        model = bare_model(runner.model)

        def forward_done(module: nn.Module, args: tuple, kwargs: dict,
                         output: Any) -> None:
            if module.training and isinstance(output, dict):
                self._beat(runner, f'backward of {_train_step(runner)}',
                           limited=self._warm.get('train', False))

        def backward_done(*args: Any) -> None:
            self._beat(runner, f'optimizer step of {_train_step(runner)}',
                       limited=self._warm.get('train', False))

        wrappers = [runner.optim_wrapper]
        if isinstance(runner.optim_wrapper, OptimWrapperDict):
            wrappers = list(runner.optim_wrapper.values())
        self._handles = [
            model.register_forward_hook(forward_done, with_kwargs=True),
            wrappers[0].optimizer.register_step_pre_hook(backward_done)
        ]
        self._next = NextSamples(runner.train_loop.dataloader)

    def _before_epoch(self, runner, mode: str = 'train') -> None:
        self._samples = []
        self._beat(runner, f'loading of the first batch ({mode})',
                   limited=False)

    def _before_iter(self, runner, batch_idx: int, data_batch: Any = None,
                     mode: str = 'train') -> None:
        if self._heartbeat is None:
            return
        samples = data_batch.get('data_samples') if isinstance(
            data_batch, dict) else None
        self._samples = [sample_id(s) for s in samples] if isinstance(
            samples, (list, tuple)) else []
        if mode == 'train' and self._next is not None:
            self._next.arrived()
        self._beat(runner, f'forward of {_step(runner, mode, batch_idx)}',
                   limited=self._warm.get(mode, False))

    def _after_iter(self, runner, batch_idx: int, data_batch: Any = None,
                    outputs: Any = None, mode: str = 'train') -> None:
        self._warm[mode] = True
        self._beat(runner, f'hooks after {_step(runner, mode, batch_idx)}',
                   limited=False)

    def loads(self, runner, batch_idx: int, mode: str) -> None:
        """All hooks are done: the next batch is being loaded."""
        if self._heartbeat is None:
            return
        self._samples = []
        if mode != 'train':
            loader = getattr(runner, f'{mode}_dataloader')
            if batch_idx + 1 >= len(loader):
                self._beat(runner, f'evaluation ({mode})', limited=False)
                return
        # The counter of iterations is raised after the hooks.
        after = (f'iteration {runner.iter + 2}' if mode == 'train' else _step(
            runner, mode, batch_idx + 1))
        self._beat(runner, f'loading of {after}')

    def _after_epoch(self, runner, mode: str = 'train') -> None:
        self._samples = []
        self._beat(runner, f'end of the {mode} epoch', limited=False)

    def after_run(self, runner) -> None:
        if self._heartbeat is None:
            return
        self._watchdog.stop()
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if self._next is not None:
            self._next.stop()
            self._next = None
        sys.excepthook = self._stock_hook
        self._heartbeat.close()
        self._heartbeat = None

    def _beat(self, runner, doing: str, limited: bool = True) -> None:
        if self._heartbeat is not None:
            self._heartbeat.beat(doing, self._samples, limited, runner.iter)
            self._watchdog.feed(limited)

    def report(self) -> str:
        """Where all processes stand; empty with one process."""
        if self._heartbeat is None:
            return ''
        text = self._heartbeat.report()
        if self._next is not None and not self._samples:
            text += '\n' + self._next.report()
        return text.rstrip()

    def _hangs(self) -> str | None:
        assert self._heartbeat is not None
        beats, rank = self._heartbeat.read(), self._heartbeat.rank
        behind = self._heartbeat.behind(beats)
        if rank not in behind and any(not beats[r].limited for r in behind):
            # It waits for one that may take its time.
            return None
        return (f'rank {rank} made no progress for '
                f'{self._watchdog.timeout:.0f} s, and ends.\n{self.report()}')

    def _explain(self, kind: type[BaseException], error: BaseException,
                 trace: TracebackType | None) -> None:
        """Beside the traceback, say where all processes stand."""
        if self._heartbeat is not None:
            print(
                f'rank {self._heartbeat.rank} ends by {kind.__name__}.\n'
                f'{self.report()}', file=sys.stderr, flush=True)
        self._stock_hook(kind, error, trace)


class _AfterHooks(Hook):
    """Tells the guard that the hooks of an iteration are done."""

    def __init__(self, guard: HangGuardHook) -> None:
        self.guard = guard

    def _after_iter(self, runner, batch_idx: int, data_batch: Any = None,
                    outputs: Any = None, mode: str = 'train') -> None:
        self.guard.loads(runner, batch_idx, mode)


def _train_step(runner) -> str:
    return f'iteration {runner.iter + 1}'


def _step(runner, mode: str, batch_idx: int) -> str:
    if mode == 'train':
        return _train_step(runner)
    return f'{mode} batch {batch_idx + 1}'
