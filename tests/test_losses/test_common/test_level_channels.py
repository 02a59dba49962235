import pytest
import torch

from mmxkd.losses.common.level_channels import as_channels, check_channels


@pytest.mark.parametrize('given, expected', [(8, [8]), ([8, 4], [8, 4]),
                                             ((8, ), [8])])
def test_a_number_is_one_level(given, expected):
    assert as_channels(given) == expected


LEVELS = [torch.zeros(1, 8, 2, 2), torch.zeros(1, 4, 1, 1)]


def test_channels_of_the_levels_are_accepted():
    check_channels('L', [8, 4], LEVELS)


@pytest.mark.parametrize('channels, message', [
    ([8], r'^L: 2 levels, but channels=\[8\] is for 1; state the channels of '
     r'each level, e\.g\. channels=\[8, 4\]$'),
    ([8, 8], r'^L: level 1 has 4 channels, expected channels\[1\]=8$'),
])
def test_other_channels_are_refused(channels, message):
    with pytest.raises(ValueError, match=message):
        check_channels('L', channels, LEVELS)
