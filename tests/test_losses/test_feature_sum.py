from types import SimpleNamespace

import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.losses import AffinityLoss, FeatureSumLoss, MaskedFeatureLoss
from tests.helpers.feature_maps import drawn

PARTS = dict(near=dict(type='AffinityLoss', grid=(2, 3)),
             object=dict(type='MaskedFeatureLoss', weight=10.))


def samples() -> list:
    return [
        SimpleNamespace(
            metainfo=dict(batch_input_shape=(64, 96)),
            gt_instances=SimpleNamespace(
                bboxes=torch.tensor([[8., 8., 50., 40.]]))) for _ in range(2)
    ]


def test_it_is_the_weighted_sum_of_its_parts():
    s, t = [drawn(2, 3, 8, 12)], [drawn(2, 3, 8, 12, seed=1)]
    near = AffinityLoss((2, 3))(s, t)
    inside = MaskedFeatureLoss()(s, t, samples())
    loss = FeatureSumLoss(PARTS)
    torch.testing.assert_close(loss(s, t, samples()), near + 10 * inside)
    assert loss.metrics() == dict(near=near, object=inside)


def test_only_parts_that_ask_get_boxes():
    loss = FeatureSumLoss(dict(near=PARTS['near']))
    s, t = drawn(2, 3, 8, 12), drawn(2, 5, 8, 12)
    assert loss(s, t).isfinite()
    # Parts of any channels need no connector; one that does, needs one.
    assert not loss.same_shape and FeatureSumLoss(PARTS).same_shape


@pytest.mark.parametrize('parts, message', [
    ({}, 'parts is empty'),
    (dict(a=dict(type='AffinityLos')), 'parts.a'),
    (dict(a=dict(type='AffinityLoss', weight=-1.)), 'weight=-1.0'),
    (dict(a=dict(type='AffinityLoss', grd=1)), 'grd'),
    (dict(a=dict(type='SoftLabelKLLoss')),
     'parts.a: SoftLabelKLLoss asks for.*s_logits'),
    (dict(a=dict(type='BoundedRegressionLoss')), 'is not a loss of feat'),
    (dict(a=dict(type='DepthDualKLLoss')),
     "DepthDualKLLoss asks for.*depth_logits"),
])
def test_parts_that_cannot_be(parts, message):
    with pytest.raises(ConfigError, match=message):
        FeatureSumLoss(parts)
