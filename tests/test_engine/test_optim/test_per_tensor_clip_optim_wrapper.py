"""Clipping one gradient at a time, on numbers made by hand."""
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmxkd.engine.optim import PerTensorClipOptimWrapper
from mmxkd.errors import ConfigError


def model():
    net = nn.Module()
    net.small = nn.Parameter(torch.tensor([3., 4.]))
    net.large = nn.Parameter(torch.tensor([6., 8.]))
    net.unused = nn.Parameter(torch.ones(2))
    return net


def wrapper(net, **options):
    decayed = [
        dict(params=[net.small], weight_decay=0.),
        dict(params=[net.large, net.unused], weight_decay=.1)
    ]
    sgd = torch.optim.SGD(decayed, lr=1., momentum=.5)
    return PerTensorClipOptimWrapper(sgd, **options)


def backward(net):
    net.small.grad = torch.tensor([.3, .4])
    net.large.grad = torch.tensor([30., 40.])


def test_two_steps_by_hand():
    net = model()
    wrapped = wrapper(net)
    hub = wrapped.message_hub
    backward(net)
    wrapped.step()
    # Below 1: as it is. 30 + 0.6, 40 + 0.8: cut to the length of 1.
    torch.testing.assert_close(net.small, torch.tensor([2.7, 3.6]))
    torch.testing.assert_close(net.large, torch.tensor([5.4, 7.2]))
    assert net.unused.tolist() == [1, 1]
    assert hub.get_scalar('train/loss_decay').current() == pytest.approx(5)
    assert hub.get_scalar('train/grad_norm').current() == pytest.approx(
        (.25 + 51**2)**.5)
    backward(net)
    wrapped.step()
    # With half of the last step as momentum.
    torch.testing.assert_close(net.small, torch.tensor([2.25, 3.]))
    torch.testing.assert_close(net.large, torch.tensor([4.5, 6.]))


def test_decay_alone_is_that_of_the_optimizer():
    net, plain = model(), model()
    wrapped = wrapper(net, clip_grad=dict(max_norm=1e9))
    other = torch.optim.SGD([plain.large], lr=1., momentum=.5, weight_decay=.1)
    for _ in range(3):
        backward(net)
        wrapped.step()
        plain.large.grad = torch.tensor([30., 40.])
        other.step()
    torch.testing.assert_close(net.large, plain.large)


def test_a_resumed_optimizer_decays_once():
    """Also one that was saved by a wrapper that leaves decay to it."""
    net, state = model(), None
    wrapped = wrapper(net)
    state = wrapped.state_dict()
    for group in state['param_groups']:
        group['weight_decay'] = .1
    resumed = wrapper(net)
    resumed.load_state_dict(state)
    backward(net)
    resumed.step()
    torch.testing.assert_close(net.large, torch.tensor([5.4, 7.2]))
    assert resumed.decays == [0, .1]


def test_accumulated_gradients_are_clipped_once():
    net = model()
    wrapped = wrapper(net, accumulative_counts=2)
    wrapped.initialize_count_status(net, 0, 4)
    for i in range(2):
        wrapped.update_params((net.small * torch.tensor([6., 8.])).sum())
        assert (net.small.tolist() == [3, 4]) == (i == 0)
    torch.testing.assert_close(net.small, torch.tensor([2.4, 3.2]))


def test_built_from_a_config():
    net = nn.ModuleDict(
        dict(backbone=nn.Conv2d(3, 4, 1), head=nn.Conv2d(4, 2, 1)))
    wrapped = build_optim_wrapper(
        net,
        dict(
            type='mmxkd.PerTensorClipOptimWrapper',
            optimizer=dict(type='SGD', lr=.1, weight_decay=5e-4),
            paramwise_cfg=dict(
                bias_decay_mult=0.,
                custom_keys=dict(backbone=dict(decay_mult=0.)))))
    decaying = [
        p for group, decay in zip(wrapped.optimizer.param_groups,
                                  wrapped.decays, strict=True) if decay
        for p in group['params']
    ]
    assert len(decaying) == 1 and decaying[0] is net.head.weight


@pytest.mark.parametrize('options, message', [
    (dict(clip_grad=dict(max_norms=1)), "max_norms is unknown.*'max_norm'"),
    (dict(clip_grad=dict(max_norm=0)), 'max_norm=0, expected a number above'),
])
def test_wrong_options(options, message):
    with pytest.raises(ConfigError, match=message):
        wrapper(model(), **options)


def test_a_decay_of_another_kind_is_refused():
    parameter = nn.Parameter(torch.ones(1))
    with pytest.raises(ConfigError, match='weight_decay of AdamW'):
        PerTensorClipOptimWrapper(torch.optim.AdamW([parameter]))
    assert PerTensorClipOptimWrapper(
        torch.optim.AdamW([parameter], weight_decay=0)).decays == [0]
