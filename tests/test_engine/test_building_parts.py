import pytest
from torch import nn

from mmxkd.engine.building import build_part
from mmxkd.errors import ConfigError
from mmxkd.losses import FeatureMSELoss


def test_parts_by_name_scope_and_class():
    for kind in ('FeatureMSELoss', 'mmxkd.FeatureMSELoss', FeatureMSELoss):
        part = build_part(dict(type=kind, valid_area=True), 'key')
        assert isinstance(part, FeatureMSELoss) and part.valid_area
    assert type(build_part(dict(type='mmdet.L1Loss'),
                           'key')).__name__ == ('L1Loss')


@pytest.mark.parametrize('cfg, message', [
    (dict(type='FeatureMSELos'), "key: there is no type 'FeatureMSELos'; did "
     "you mean 'FeatureMSELoss'.*needs its scope"),
    (dict(), 'key: there is no type None'),
    (dict(type='FeatureMSELoss', valid_aera=1), "key: FeatureMSELoss has no "
     "argument 'valid_aera'; did you mean 'valid_area'"),
    (dict(type='AdversarialFeatureLoss', mode='x'), "key: .*mode='x'"),
    (dict(type='AlignConnector'), 'key: .*in_channels'),
    (dict(type=nn.Conv2d, in_channels=1, out_channels=1), 'key: .*kernel'),
])
def test_what_cannot_be_built(cfg, message):
    with pytest.raises(ConfigError, match=message):
        build_part(cfg, 'key')
