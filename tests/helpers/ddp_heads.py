"""One process of a distributed run in which only the second has objects.

torchrun --nproc_per_node=2 tests/helpers/ddp_heads.py WORK_DIR
"""
import os
import sys
from pathlib import Path

import torch
from mmengine.model import MMDistributedDataParallel

import mmxkd  # noqa: F401
from tests.helpers.tiny_heads import batch, dense, distilled, faster_rcnn, ssd


def models():
    """Each kind of head loss; the last one has parts that learn."""
    on_ssd = dict(type='ChenDenseHeadLoss', student='bbox_head',
                  teacher='bbox_head', logit_hint=0.5)
    rpn = dict(type='ChenDenseHeadLoss', student='rpn_head',
               teacher='rpn_head')
    roi = dict(type='ChenRoIHeadLoss', student='roi_head', teacher='roi_head')
    cross = dict(type='CrossKDLoss', student='bbox_head', teacher='bbox_head')
    yield distilled(ssd(), loss_head=on_ssd)
    yield distilled(faster_rcnn(), loss_rpn=rpn, loss_roi=roi)
    yield distilled(dense('gfl'), dense('gfl', channels=32), loss_cross=cross)


def main() -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo')
    rank = torch.distributed.get_rank()
    sums = []
    for model in models():
        wrapped = MMDistributedDataParallel(model, broadcast_buffers=False)
        optimizer = torch.optim.SGD(wrapped.parameters(), 1e-3)
        for _ in range(2):
            data = wrapped.module.data_preprocessor(
                batch(without=() if rank else (0, 1)), True)
            losses = wrapped(**data, mode='loss')
            total, _ = model.parse_losses(losses)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
        sums.append(
            sum(p.double().abs().sum().item() for p in model.parameters()))
    Path(sys.argv[1],
         f'rank_{rank}.txt').write_text(' '.join(f'{value:.12f}'
                                                 for value in sums))
    # Both are done with what they sent to each other. Then leave without
    # freeing anything: a process group that is freed while a thread of gloo
    # waits for the interpreter lock waits for that thread for ever, and the
    # models here are the last to hold it (seen with torch 2.13).
    torch.distributed.barrier()
    os._exit(0)


if __name__ == '__main__':
    main()
