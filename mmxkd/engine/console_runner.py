"""A runner that says on the console what a user has to know."""
import logging
import re
from typing import Any

from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmxkd.io import console

from .run_summary import run_summary

# The beginnings of what is for the log file alone: long, or about upstream.
_FILE_ONLY = re.compile('|'.join((
    r'\n-+\nSystem environment:',
    r'Config:\n',
    r'Hooks will be executed in the following order',
    r'Connectors\n',
    r'Records that the losses read\n',
    r'Distributed training is not used, all SyncBatchNorm',
    r'"FileClient" will be deprecated',
    r'"HardDiskBackend" is the alias',
    r'Loads checkpoint by ',
    r'Checkpoints will be saved to ',
    r'paramwise_options -- ',
    r'\n\S+ - torch\.Size\(',
)))
_STAGES = dict(before_run='starting the hooks',
               before_train='checking the data and the teachers',
               before_train_epoch='loading the first batch of the epoch',
               after_train_epoch='ending the epoch',
               before_save_checkpoint='saving a checkpoint',
               before_val='validating', before_val_epoch='validating',
               after_val_epoch='ending the validation', before_test='testing',
               before_test_epoch='testing', after_run='ending the run')


class ConsoleRunner(Runner):
    """mmengine's runner, with a console to read; its log file has all.

    Before the first step the console shows one short block in place of the
    environment, the config, the order of the hooks and the tables. It always
    says what the run does, by :mod:`mmxkd.io.console`, where a command has
    started that. ``tools/train.py`` and ``tools/test.py`` use it unless the
    config has a ``runner_type``.
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> logging.Logger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.addFilter(_for_the_console)
        console.keep(
            lambda text: logger.warning(text, extra=dict(file_only=True)))
        console.doing('reading the environment')
        return logger

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        console.doing('building the model')
        return super().build_model(model)

    @staticmethod
    def build_dataloader(dataloader: DataLoader | dict, *args: Any,
                         **kwargs: Any) -> DataLoader:
        console.doing('reading the data')
        return Runner.build_dataloader(dataloader, *args, **kwargs)

    def _init_model_weights(self) -> None:
        console.doing('initialising weights and loading teachers')
        super()._init_model_weights()

    def load_or_resume(self) -> None:
        console.doing('loading the checkpoint')
        super().load_or_resume()

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        if fn_name in _STAGES:
            console.doing(_STAGES[fn_name])
        elif fn_name == 'before_train_iter':
            console.doing(self._training)
        elif fn_name in ('before_val_iter', 'before_test_iter'):
            batch, kind = kwargs['batch_idx'] + 1, fn_name.split('_')[1]
            console.doing(f'batch {batch} of {kind}')
        elif fn_name in ('after_val_iter', 'after_test_iter'):
            console.doing('computing the metrics')
        super().call_hook(fn_name, **kwargs)
        if fn_name == 'before_train':
            self.logger.info('This run\n' + run_summary(self))

    def _training(self) -> str:
        return f'training, iteration {self.iter + 1} of {self.max_iters}'


def _for_the_console(record: logging.LogRecord) -> bool:
    return not (getattr(record, 'file_only', False)
                or _FILE_ONLY.match(str(record.msg)))
