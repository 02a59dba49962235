"""A tiny run of mmengine's Runner, with or without mmxkd's repairs.

python tests/helpers/toy_run.py WORK_DIR [--repaired] [--resume] [--epochs N]
                                 [--launcher pytorch] [--load-from FILE]

Prints the sum of the final weights as ``weights: ...`` and what the message
hub knows about the loss as ``history: ...``, and leaves the same lines in
``WORK_DIR/rank_N.txt``: what several processes print may be interleaved.
"""
import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('work_dir')
    parser.add_argument('--repaired', action='store_true')
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--epochs', type=int, default=1)
    parser.add_argument('--launcher', default='none')
    parser.add_argument('--load-from')
    parser.add_argument('--local-rank', type=int, default=0)
    args = parser.parse_args()
    if args.repaired:
        import mmxkd  # noqa: F401

    import torch
    from mmengine.model import BaseModel
    from mmengine.runner import Runner
    from torch.utils.data import Dataset

    class Data(Dataset):

        def __len__(self):
            return 8

        def __getitem__(self, index):
            return torch.full((2, ), float(index))

    class Model(BaseModel):

        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(2, 1)

        def forward(self, *inputs, mode='loss'):
            return dict(loss=self.linear(torch.stack(inputs)).square().mean())

    torch.manual_seed(0)
    runner = Runner(
        Model(), args.work_dir, train_dataloader=dict(
            dataset=Data(), batch_size=2, sampler=dict(type='DefaultSampler',
                                                       shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=args.epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-3, momentum=0.9)),
        param_scheduler=dict(type='MultiStepLR', milestones=[2],
                             by_epoch=True),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)),
        randomness=dict(seed=0), launcher=args.launcher, resume=args.resume,
        load_from=args.load_from, env_cfg=dict(dist_cfg=dict(backend='nccl')))
    runner.train()
    weights = sum(p.double().sum() for p in runner.model.parameters())
    history = runner.message_hub.get_scalar('train/loss').data[0].tolist()
    report = f'weights: {weights.item()}\nhistory: {history}\n'
    print(report, end='')
    Path(args.work_dir, f'rank_{runner.rank}.txt').write_text(report)


if __name__ == '__main__':
    main()
