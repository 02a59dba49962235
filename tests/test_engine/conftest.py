"""A toy run of mmengine's Runner, in the process of the test."""
import itertools

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

import mmxkd  # noqa: F401
from tests.helpers.given_scores import Score

numbers = itertools.count()


class ToyData(Dataset):
    """Sample ``index`` is its index and three random numbers."""

    metainfo = dict(name='toy')

    def __init__(self, length: int = 8) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> torch.Tensor:
        import random

        import numpy as np
        return torch.tensor(
            [index,
             random.random(),
             np.random.rand(),
             torch.rand(()).item()])


class ToyModel(BaseModel):
    """A linear layer with dropout; remembers every batch it was given.

    ``spoil(iteration)`` may return what ``loss_b`` is multiplied with.
    """

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(4, 2)
        self.batches = []
        self.spoil = lambda iteration: 1.

    def forward(self, *inputs, mode='loss'):
        batch = torch.stack(inputs)
        output = self.linear(torch.dropout(batch, 0.5, self.training))
        if mode != 'loss':
            return [output]
        self.batches.append(batch)
        spoiled = output.mean() * self.spoil(len(self.batches))
        return dict(loss_a=output.square().mean(), loss_b=spoiled)


@pytest.fixture
def toy_runner(tmp_path):
    """Factory of runners; keyword arguments go to ``Runner``."""

    def build(scores=None, epochs=3, workers=0, persistent=False,
              work_dir=None, checkpoint=None, **kwargs):
        loader = dict(dataset=ToyData(), batch_size=2, num_workers=workers,
                      persistent_workers=persistent,
                      sampler=dict(type='DefaultSampler', shuffle=True))
        if scores is not None:
            kwargs.update(
                val_cfg=dict(), val_evaluator=[Score(scores)],
                val_dataloader=dict(
                    dataset=ToyData(2), batch_size=2,
                    sampler=dict(type='DefaultSampler', shuffle=False)))
        if checkpoint is not None:
            kwargs['default_hooks'] = dict(checkpoint=checkpoint)
        kwargs.setdefault('randomness', dict(seed=0))
        # mmengine's default is the second of the clock, and runs of the same
        # name share their message hub.
        kwargs['experiment_name'] = f'toy_{next(numbers)}'
        kwargs.setdefault('optim_wrapper',
                          dict(optimizer=dict(type='Adam', lr=0.01)))
        return Runner(ToyModel(), str(work_dir or tmp_path / 'work'),
                      train_dataloader=loader,
                      train_cfg=dict(by_epoch=True, max_epochs=epochs),
                      **kwargs)

    return build
