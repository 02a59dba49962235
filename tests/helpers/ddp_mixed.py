"""Batches of labelled and unlabelled frames: a whole run, and one resumed.

torchrun --nproc_per_node=2 tests/helpers/ddp_mixed.py WORK_DIR

Each process writes ``rank_N.json``: for each of the runs the ids of the
frames of every batch. Frames below 6 are labelled, those up to 16 not.
"""
import json
import sys
from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import ConcatDataset, Dataset

import mmxkd  # noqa: F401

SIZES = (6, 10)


class Numbers(Dataset):
    metainfo: dict = {}

    def __init__(self, begin, size):
        self.numbers = range(begin, begin + size)

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        # A draw, as of an augmentation.
        return torch.tensor(
            [float(self.numbers[index]),
             torch.rand(()).item()])


class Model(BaseModel):

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, *inputs, mode='loss'):
        return dict(loss=self.layer(torch.stack(inputs)).square().mean())


class Note(Hook):
    """Notes each batch, and ends the run before iteration ``cut``."""
    priority = 'LOWEST'

    def __init__(self, batches, cut):
        self.batches, self.cut = batches, cut

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.cut:
            raise KeyboardInterrupt
        self.batches.append([x.tolist() for x in data_batch])


def run(folder, by_epoch, cut=None, resume=False, launcher='none',
        endless=False):
    """Train for 3 epochs or 9 iterations; return the batches."""
    data = ConcatDataset([Numbers(0, SIZES[0]), Numbers(*SIZES)])
    data.metainfo = {}
    batches = []
    runner = Runner(
        Model(), str(folder), train_dataloader=dict(
            dataset=data, batch_size=2, num_workers=0, sampler=dict(
                type='InfiniteSampler' if endless else 'DefaultSampler',
                shuffle=True),
            batch_sampler=dict(type='mmxkd.MixedBatchSampler', ratio=(1, 1))),
        train_cfg=dict(by_epoch=True, max_epochs=3) if by_epoch else dict(
            by_epoch=False, max_iters=9),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-4)),
        default_hooks=dict(checkpoint=dict(type='mmxkd.SafeCheckpointHook',
                                           interval=1, by_epoch=by_epoch)),
        custom_hooks=[
            dict(type='mmxkd.EpochSeedHook'),
            dict(type='mmxkd.StepStateHook'),
            Note(batches, cut)
        ], resume=resume, randomness=dict(seed=3), launcher=launcher,
        env_cfg=dict(dist_cfg=dict(backend='gloo')),
        experiment_name=f'mixed_{Path(folder).name}_{resume}_{cut}')
    try:
        runner.train()
    except KeyboardInterrupt:
        assert runner.iter == cut
    return batches


def main() -> None:
    torch.set_num_threads(1)
    root, found = Path(sys.argv[1]), {}
    found['whole'] = run(root / 'whole', True, launcher='pytorch')
    # In the second epoch of 3 batches each.
    run(root / 'cut', True, cut=4, launcher='pytorch')
    found['resumed'] = run(root / 'cut', True, resume=True, launcher='pytorch')
    rank = torch.distributed.get_rank()
    (root / f'rank_{rank}.json').write_text(json.dumps(found))


if __name__ == '__main__':
    main()
