import pytest

from mmxkd.errors import check_known
from mmxkd.losses import ChannelWiseDistillationLoss
from mmxkd.losses.common.options import check_positive, check_share


def test_words():
    check_known('L: mode', 'b', dict(a=1, b=2))
    with pytest.raises(ValueError,
                       match=(r"^L: mode='c', expected one of \('a', 'b'\)$")):
        check_known('L: mode', 'c', dict(a=1, b=2))


@pytest.mark.parametrize(
    'value',
    [0, -1.5, '4', None, float('nan'),
     float('inf'), [2]])
def test_what_is_no_positive_number(value):
    with pytest.raises(ValueError, match='tau=.*, expected a positive number'):
        ChannelWiseDistillationLoss(tau=value)


@pytest.mark.parametrize('value', [1, 0.5])
def test_positive_numbers(value):
    check_positive('L', 'tau', value)


@pytest.mark.parametrize('value', [0, 0.3, 1])
def test_shares(value):
    check_share('L', 'mu', value)


@pytest.mark.parametrize('value', [-0.1, 1.1, float('nan'), '1', None])
def test_what_is_not_a_share(value):
    with pytest.raises(ValueError, match='^L: mu=.*, expected 0 to 1$'):
        check_share('L', 'mu', value)
