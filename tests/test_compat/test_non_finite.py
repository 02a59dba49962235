import pytest
import torch

from mmxkd.compat.non_finite import CONSTANTS, non_finite, shortened

NAN, INF = float('nan'), float('inf')


def checkpoint(**parts):
    return dict(
        meta=dict(epoch=1), message_hub=dict(recall=torch.tensor(NAN),
                                             best_score=-INF),
        state_dict={
            'conv.weight': torch.ones(3),
            'bn.running_var': torch.ones(2),
            'bn.num_batches_tracked': torch.tensor(3),
            'half': torch.full((9, ), 6e4, dtype=torch.float16),
            'large': torch.full((9, ), 3e38),
            'eight': torch.ones(2).to(torch.float8_e5m2),
            'empty': torch.ones(0),
        }, **parts)


def test_what_is_finite_passes():
    """Also what overflows when it is squared, and what is only logged."""
    assert non_finite(checkpoint()) == []
    assert non_finite(checkpoint()['state_dict']) == []
    assert non_finite([torch.tensor(NAN)]) == []


@pytest.mark.parametrize('value, word', [(NAN, 'NaN'), (INF, 'Inf'),
                                         (-INF, 'Inf')])
@pytest.mark.parametrize(
    'key', ['conv.weight', 'bn.running_var', 'half', 'large', 'eight'])
def test_one_value_of_a_weight_or_statistic(key, value, word):
    content = checkpoint()
    content['state_dict'][key] = content['state_dict'][key].clone()
    content['state_dict'][key].view(-1)[1] = value
    assert non_finite(content) == [f'{key} is {word}']
    assert non_finite(content['state_dict']) == [f'{key} is {word}']


def test_nan_is_said_where_there_are_both():
    assert non_finite(dict(w=torch.tensor([INF, NAN]))) == ['w is NaN']


def test_optimizers_and_averages_are_looked_at():
    content = checkpoint(
        optimizer=dict(student=dict(
            state={0: dict(step=torch.tensor(1.), exp_avg=torch.tensor(NAN))},
            param_groups=[dict(lr=1.)])),
        ema_state_dict={'module.conv.weight': torch.tensor([INF])})
    assert non_finite(content) == [
        'ema_state_dict.module.conv.weight is Inf',
        'optimizer.student.state.0.exp_avg is NaN'
    ]


def test_a_real_optimizer():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([weight])
    weight.grad = torch.tensor([1., NAN, 1.])
    optimizer.step()
    found = non_finite(dict(state_dict={}, optimizer=optimizer.state_dict()))
    assert found == [
        'optimizer.state.0.exp_avg is NaN',
        'optimizer.state.0.exp_avg_sq is NaN'
    ]


def test_infinities_that_are_meant():
    content = checkpoint(
        ema_state_dict={'module.mask': torch.tensor([0., -INF])})
    content['state_dict']['mask'] = torch.tensor([0., -INF])
    assert len(non_finite(content)) == 2
    content['meta'][CONSTANTS] = ['mask']
    assert non_finite(content) == []
    content['state_dict']['mask'][0] = NAN
    assert non_finite(content) == ['mask is NaN']


def test_a_tensor_larger_than_its_data_is_not_spread_out():
    huge = torch.ones(1).expand(10**13)
    assert non_finite(dict(w=huge)) == []
    assert non_finite(
        dict(w=torch.tensor([NAN]).expand(10**13))) == ['w is NaN']


def test_only_the_first_few_are_shown():
    assert shortened(['a', 'b'], 2) == 'a, b'
    assert shortened(['a', 'b', 'c', 'd'], 2) == 'a, b and 2 more'
