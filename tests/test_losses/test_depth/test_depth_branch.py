"""A depth branch that is a part of its loss."""
import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.losses import (
    DepthBranchDualKLLoss,
    DepthDistributionLoss,
    DepthDualKLLoss,
)

BINS = dict(rule='rpd', near=5., far=80., number=6)
MIMIC = dict(foreground_weight=1.)


@pytest.fixture
def loss() -> DepthBranchDualKLLoss:
    torch.manual_seed(0)
    return DepthBranchDualKLLoss(3, 8, MIMIC, mimic_weight=0.5, kd_weight=2.,
                                 bins=BINS, reference_focal=0)


def arguments() -> dict:
    torch.manual_seed(1)
    return dict(s_feature=[torch.randn(2, 4, 4, 6, requires_grad=True)],
                t_feature=[torch.randn(2, 4, 4, 6)],
                depth_feature=torch.randn(2, 3, 8, 12, requires_grad=True),
                depth=torch.rand(2, 16, 24) * 70 + 5)


def test_it_is_the_sum_of_both_losses(loss):
    given = arguments()
    logits = loss.branch(given['depth_feature'])
    mimic = DepthDistributionLoss(BINS, **MIMIC)(logits, given['depth'])
    kd = DepthDualKLLoss(BINS)(given['s_feature'], given['t_feature'], logits,
                               given['depth'])
    found = loss(**given)
    torch.testing.assert_close(found, 0.5 * mimic + 2 * kd)
    torch.testing.assert_close(loss.metrics()['mimic'], mimic)
    torch.testing.assert_close(loss.metrics()['dual_kl'], kd)


def test_the_branch_learns_by_depth_alone(loss):
    """And the student through both."""
    given = arguments()
    both = torch.autograd.grad(loss(**given), [
        *loss.branch.parameters(), given['s_feature'][0],
        given['depth_feature']
    ])
    logits = loss.branch(given['depth_feature'])
    mimic = 0.5 * DepthDistributionLoss(BINS, **MIMIC)(logits, given['depth'])
    alone = torch.autograd.grad(
        mimic, [*loss.branch.parameters(), given['depth_feature']])
    for one, two in zip([*both[:-2], both[-1]], alone, strict=True):
        torch.testing.assert_close(one, two)
    assert both[-2].abs().max() > 0


def test_apparent_depth_is_that_of_the_enlarged_picture(loss):
    """Twice the focal length: as if everything were half as far away."""
    given = arguments()
    loss.reference_focal = 500.
    near = loss(**given, input_focal=torch.tensor([1000., 1000.]))
    loss.reference_focal = 0
    given['depth'] = given['depth'] / 2
    torch.testing.assert_close(near, loss(**given))


def test_focal_lengths_are_asked_for(loss):
    loss.reference_focal = 500.
    with pytest.raises(ValueError, match='focal lengths'):
        loss(**arguments())


def test_no_valid_depth(loss):
    given = arguments()
    given['depth'] = torch.zeros(2, 16, 24)
    found = loss(**given)
    assert found == 0
    found.backward()
    assert given['s_feature'][0].grad.isfinite().all()


@pytest.mark.parametrize('key',
                         ['mimic_weight', 'kd_weight', 'reference_focal'])
@pytest.mark.parametrize('value', [-1, float('inf'), float('nan')])
def test_negative_numbers_are_refused(key, value):
    with pytest.raises(ConfigError, match=f'{key}={value}'):
        DepthBranchDualKLLoss(3, **{key: value})


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(in_channels=0), 'in_channels=0'),
        (dict(in_channels=3, feat_channels=0), 'feat_channels=0'),
        (dict(in_channels=3, bins=dict(number_=4)), "bins.number_ .*'number'"),
        (dict(in_channels=3, mimic=dict(knd='ce')), "mimic.knd .*'kind'"),
        # They are the branch's own.
        (dict(in_channels=3, mimic=dict(bins=dict(rule='ud'))), 'mimic.bins'),
    ])
def test_options_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        DepthBranchDualKLLoss(**options)
