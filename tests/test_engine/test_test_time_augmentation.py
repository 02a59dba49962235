"""The test-time augmentation of a config that has none."""
import pytest
from mmengine.config import Config

from mmxkd.engine.test_time_augmentation import augment_tests
from mmxkd.errors import ConfigError

LOAD = dict(type='LoadImageFromFile')
PACK = dict(type='PackDetInputs', meta_keys=('img_id', 'scale_factor'))


def config(pipeline, **kwargs):
    return Config(
        dict(model=dict(type='A'),
             test_dataloader=dict(dataset=dict(pipeline=pipeline)), **kwargs))


@pytest.mark.parametrize('pack, flip', [
    ('PackDetInputs', 'RandomFlip'),
    ('mmdet.PackDetInputs', 'RandomFlip'),
    ('mmxkd.PackMultiModalInputs', 'mmxkd.RandomFlip'),
])
def test_a_picture_and_its_mirror_image(pack, flip):
    cfg = config([LOAD, dict(PACK, type=pack)])
    augment_tests(cfg)
    load, augment = cfg.test_dataloader.dataset.pipeline
    assert load == LOAD and augment.type == 'TestTimeAug'
    # The labels of the first are taken over.
    assert augment.transforms[0] == [
        dict(type=flip, prob=0.),
        dict(type=flip, prob=1.)
    ]
    assert augment.transforms[1] == [
        dict(type=pack,
             meta_keys=('img_id', 'scale_factor', 'flip', 'flip_direction'))
    ]
    assert cfg.model.type == 'DetTTAModel'
    assert cfg.model.module == dict(type='A')


def test_what_the_config_says_comes_first():
    cfg = config([PACK], tta_pipeline=[LOAD],
                 tta_model=dict(type='Mine', tta_cfg=dict(a=1)))
    augment_tests(cfg)
    assert cfg.model == dict(type='Mine', tta_cfg=dict(a=1),
                             module=dict(type='A'))
    assert cfg.test_dataloader.dataset.pipeline == [LOAD]


def test_datasets_inside_of_others():
    inner = [dict(pipeline=[PACK]), dict(dataset=dict(pipeline=[PACK]))]
    cfg = config([])
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=inner)
    augment_tests(cfg)
    first, second = cfg.test_dataloader.dataset.datasets
    assert [first.pipeline[0].type,
            second.dataset.pipeline[0].type] == ['TestTimeAug'] * 2


@pytest.mark.parametrize('pipeline', [[], [LOAD], [PACK, dict(type='X')]])
def test_other_pipelines_must_be_stated(pipeline):
    with pytest.raises(ConfigError, match='set tta_pipeline'):
        augment_tests(config(pipeline))


def test_not_twice():
    cfg = config([PACK])
    augment_tests(cfg)
    with pytest.raises(ConfigError, match='already; leave it out'):
        augment_tests(cfg)
