import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.losses import FGDLoss, MGDLoss
from tests.helpers.toys import build, step, toy

LEVELS = [torch.zeros(1, 8, 2, 2), torch.zeros(1, 4, 1, 1)]
BOTH = pytest.mark.parametrize('kind', [FGDLoss, MGDLoss])


@BOTH
@pytest.mark.parametrize('given, expected', [(8, [8]), ([8, 4], [8, 4]),
                                             ((8, ), [8])])
def test_a_number_is_one_level(kind, given, expected):
    loss = kind(given)
    assert loss.channels == expected and not loss.lacks


@BOTH
def test_channels_of_the_levels_are_accepted(kind):
    kind([8, 4]).check_channels(LEVELS)


@BOTH
@pytest.mark.parametrize('channels, message', [
    ([8], r'Loss: 2 levels, but channels=\[8\] is for 1; state the channels '
     r'of each level, e\.g\. channels=\[8, 4\]$'),
    ([8, 8], r'Loss: level 1 has 4 channels, expected channels\[1\]=8$'),
    (None, r'Loss: no dry run told it the channels; state '
     r'channels=\[8, 4\]$'),
])
def test_other_channels_are_refused(kind, channels, message):
    with pytest.raises(ValueError, match=message):
        kind(channels).check_channels(LEVELS)


@BOTH
def test_fitted_is_as_stated(kind):
    """The same weights, by name and value."""
    torch.manual_seed(0)
    stated = kind([8, 4])
    fitted = kind()
    assert fitted.lacks == 'channels' and not fitted.state_dict()
    torch.manual_seed(0)
    fitted.fit(LEVELS)
    assert fitted.lacks == '' and fitted.channels == [8, 4]
    own, expected = fitted.state_dict(), stated.state_dict()
    assert list(own) == list(expected)
    assert all(torch.equal(own[key], expected[key]) for key in own)
    stated.fit(LEVELS[:1])
    assert stated.channels == [8, 4]


@pytest.mark.parametrize('student, levels', [('neck', 2), ('neck[0]', 1)])
def test_the_dry_run_tells_the_channels(student, levels):
    """Those of the teacher, as if the config stated them."""
    found = []
    for channels in (dict(), dict(channels=[9] * levels)):
        model = build(
            teacher=dict(cfg=toy(out_channels=9), random=True),
            loss_a=dict(type='MGDLoss', student=student,
                        teacher=f't:{student}', **channels))
        module = model.distiller.losses['loss_a'].module
        assert module.channels == [9] * levels
        found.append({k: v.shape for k, v in model.state_dict().items()})
        loss = step(model)['distill/loss_a']
        loss.backward()
        assert all(p.grad is not None for p in module.parameters())
    assert found[0] == found[1]


def test_without_a_dry_run_they_must_be_stated():
    with pytest.raises(
            ConfigError, match="'loss_a': no dry run told its "
            'channels; state them'):
        build(
            dry_run=False, loss_a=dict(type='MGDLoss', student='neck',
                                       teacher='t:neck', connector=None))
