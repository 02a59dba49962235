import pytest

from mmxkd.errors import check_known
from mmxkd.losses import ChannelWiseDistillationLoss
from mmxkd.losses.common.options import check_positive


def test_words():
    check_known('L: mode', 'b', dict(a=1, b=2))
    with pytest.raises(ValueError, match=(
            r"^L: mode='c', expected one of \('a', 'b'\)$")):
        check_known('L: mode', 'c', dict(a=1, b=2))


@pytest.mark.parametrize('value', [0, -1.5, '4', None, float('nan'),
                                   float('inf'), [2]])
def test_what_is_no_positive_number(value):
    with pytest.raises(ValueError, match='tau=.*, expected a positive number'):
        ChannelWiseDistillationLoss(tau=value)


@pytest.mark.parametrize('value', [1, 0.5])
def test_positive_numbers(value):
    check_positive('L', 'tau', value)
