"""Let one process of a distributed run fail at one chosen moment.

A config imports this module (``custom_imports``) and has ``FaultHook``; the
environment variable ``FAULT`` chooses what process 1 does in iteration 4,
that is in the second epoch of ``tiny_run`` with two processes. The time, and
the id of each process, are noted in the work directory.

=============  ==============================================================
``kill``       SIGKILL to itself, in the forward
``exception``  an error in the forward
``hang``       the forward does not end
``hang in C``  the same in C, where no signal handler of Python is called
``hang hard``  the same, and no other thread of Python goes on
``hang load``  the next sample is not loaded to its end; with two workers:
               in the second one, which loads the batch of that iteration
``bad sample`` the next sample cannot be read
``backward``   the backward does not end
``other loss`` one loss more than the other process has
``slow``       nothing fails, but a first batch, a first step, a checkpoint
               and an evaluation take 6 seconds, each on one process
=============  ==============================================================
"""
import ctypes
import itertools
import os
import signal
import time
from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.utils.data import get_worker_info

from mmxkd.errors import CorruptSampleError

#: Seconds of ``slow``.
SLOW = 6
FAULT = os.environ.get('FAULT', '')
ITERATION = 4


class _Stuck(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        time.sleep(1000)


@HOOKS.register_module()
class FaultHook(Hook):
    """Fails in iteration 4 of process 1."""

    priority = 'VERY_LOW'

    def before_train(self, runner) -> None:
        self.folder = Path(runner.work_dir)
        (self.folder / f'pid_{runner.rank}').write_text(str(os.getpid()))
        if FAULT == 'slow':
            _slow(runner)
        elif FAULT and runner.rank == 1:
            self._fail(runner)

    def _fail(self, runner) -> None:
        self._spoil_the_losses(runner)
        self._spoil_the_data(runner)

    def _spoil_the_losses(self, runner) -> None:
        model = runner.model.module
        stock = model.loss

        def loss(*args, **kwargs):
            losses = stock(*args, **kwargs)
            if runner.iter + 1 == ITERATION:
                if FAULT == 'other loss':
                    self._note()
                    losses['loss_extra'] = losses['loss_bbox'][0] * 2
                if FAULT == 'backward':
                    self._note()
                    losses['loss_bbox'] = [
                        _Stuck.apply(x) for x in losses['loss_bbox']
                    ]
            return losses

        model.loss = loss

    def _spoil_the_data(self, runner) -> None:
        dataset = runner.train_loop.dataloader.dataset
        stock = dataset.prepare_data

        loaded = itertools.count(1)

        def prepare_data(index):
            worker = get_worker_info()
            if worker is None:
                now = runner.iter + 1 == ITERATION
            else:
                # Two samples of each epoch are its part; it may have been
                # started anew.
                third = next(loaded) == 3
                now = worker.id == 1 and (third or runner.epoch == 1)
            if now:
                if FAULT == 'hang load':
                    self._note()
                    time.sleep(1000)
                if FAULT == 'bad sample':
                    self._note()
                    path = dataset.get_data_info(index)['img_path']
                    raise CorruptSampleError(path, 'img', 'cut off')
            return stock(index)

        dataset.prepare_data = prepare_data

    def before_train_iter(self, runner, **kwargs) -> None:
        if FAULT == 'slow' and runner.iter == 0 and runner.rank == 1:
            time.sleep(SLOW)
        if runner.rank != 1 or runner.iter + 1 != ITERATION:
            return
        if FAULT == 'kill':
            self._note()
            os.kill(os.getpid(), signal.SIGKILL)
        if FAULT == 'exception':
            self._note()
            raise ArithmeticError('on purpose')
        if FAULT == 'hang':
            self._note()
            time.sleep(1000)
        while FAULT == 'hang in C':
            self._note()
            ctypes.CDLL(None).sleep(1000)
        if FAULT == 'hang hard':
            self._note()
            ctypes.PyDLL(None).sleep(1000)

    def _note(self) -> None:
        note = self.folder / 'failed_at'
        if not note.exists():
            note.write_text(str(time.time()))


def _slow(runner) -> None:
    """Let one process wait for the other, in all that has no limit."""
    if runner.rank == 0:
        _delay(runner.train_loop.dataloader.dataset, 'prepare_data', times=1)
        _delay(runner, 'save_checkpoint', times=1)
        for metric in runner.val_loop.evaluator.metrics:
            _delay(metric, 'compute_metrics', times=1)


def _delay(owner, name: str, times: int) -> None:
    stock, left = getattr(owner, name), [SLOW] * times

    def late(*args, **kwargs):
        time.sleep(left.pop() if left else 0)
        return stock(*args, **kwargs)

    setattr(owner, name, late)
