import multiprocessing

import pytest
import torch
from mmengine.structures import BaseDataElement

from mmxkd.engine.finite import (
    check_checkpoint,
    check_finite,
    check_gradients,
    infinite_buffers,
    sample_id,
)
from mmxkd.errors import CheckpointError, NonFiniteLossError


def test_terms_and_samples_are_named():
    samples = [
        BaseDataElement(metainfo=dict(img_path='a.png', img_id=1)),
        BaseDataElement(metainfo=dict(img_id=7))
    ]
    losses = dict(loss_good=torch.ones(()), accuracy=3,
                  recall=torch.tensor(float('nan')),
                  loss_bad=[torch.ones(2),
                            torch.tensor([1, float('nan')])])
    with pytest.raises(NonFiniteLossError) as error:
        check_finite(losses, samples, 4)
    assert str(error.value) == (
        'iteration 4: loss_bad = nan; the step was not taken. Samples of this '
        'batch: a.png, 7')
    check_finite(dict(loss=torch.ones(())), samples, 4)
    check_finite({}, None, 0)


def test_id_of_a_sample():
    assert sample_id(
        BaseDataElement(metainfo=dict(frame_id='f', img_id=1))) == 'f'
    assert sample_id(object()) == 'unknown'


def test_gradients_of_the_stepped_parameters_count():
    model = torch.nn.Sequential(*(torch.nn.Linear(1, 1) for _ in range(2)))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    model[0].weight.grad.fill_(float('-inf'))
    model[0].bias.grad = None
    check_gradients(model[1].parameters(), model, ['a'], 3)
    with pytest.raises(NonFiniteLossError) as error:
        check_gradients(model.parameters(), model, ['a', 'b'], 3)
    assert error.value.losses == {'gradient of 0.weight': float('inf')}
    assert error.value.samples == ['a', 'b']


def test_infinities_of_a_model_are_known_by_their_names_in_files():
    model = torch.nn.Linear(1, 1)
    model.register_buffer('mask', torch.tensor([0., float('-inf')]))
    model.register_buffer('unsaved', torch.tensor(float('inf')), False)
    model.register_buffer('count', torch.tensor(3))
    assert infinite_buffers(model) == ['mask']
    check_checkpoint(model.state_dict(), 'a.pth', ['mask'])
    with pytest.raises(CheckpointError, match='a.pth is not finite: mask is'):
        check_checkpoint(dict(state_dict=model.state_dict()), 'a.pth')


def _one_of_two(rank, port, queue):
    torch.distributed.init_process_group('gloo',
                                         init_method=f'tcp://127.0.0.1:{port}',
                                         rank=rank, world_size=2)
    value = float('inf') if rank == 1 else 1.
    try:
        check_finite(dict(loss=torch.tensor(value)), None, 0)
    except NonFiniteLossError as error:
        queue.put((rank, error.losses))


def _two(target):
    """What each of two processes puts into the queue."""
    context = multiprocessing.get_context('spawn')
    queue = context.Queue()
    port = 29000 + torch.randint(900, ()).item()
    processes = [
        context.Process(target=target, args=(r, port, queue)) for r in range(2)
    ]
    for process in processes:
        process.start()
    got = dict(queue.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    return got


def test_all_processes_decide_alike():
    got = _two(_one_of_two)
    assert list(got[0]) == ['a loss on another process']
    assert got[1] == {'loss': float('inf')}


def _names_differ(rank, port, queue):
    torch.distributed.init_process_group('gloo',
                                         init_method=f'tcp://127.0.0.1:{port}',
                                         rank=rank, world_size=2)
    losses = dict(loss_a=torch.ones(()), accuracy=torch.ones(()))
    # Another number of levels is fine, and so are other values that are
    # logged only.
    for more in (dict(loss_a=[torch.ones(())] * (rank + 1)),
                 {f'recall_{rank}': torch.zeros(())}):
        check_finite({**losses, **more}, None, 0, same_names=True)
    if rank == 1:
        losses.update(loss_extra=torch.ones(()))
    check_finite(losses, None, 0)
    check_finite({} if rank else losses, None, 0)
    sample = BaseDataElement(metainfo=dict(img_path=f'{rank}.png'))
    try:
        check_finite(losses, [sample], 0, same_names=True)
    except RuntimeError as error:
        queue.put((rank, str(error)))


def test_all_refuse_losses_of_other_names():
    got = _two(_names_differ)
    for rank in (0, 1):
        assert 'rank 1 has, and not all have: loss_extra' in got[rank]
        assert f'Samples of this process: {rank}.png' in got[rank]
