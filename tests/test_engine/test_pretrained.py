"""Weights that training starts from are looked for before it does."""
import pytest
from mmengine.config import Config

from mmxkd.engine.pretrained import (
    check_pretrained,
    check_start,
    frozen_in,
    pretrained_in,
)
from mmxkd.errors import ConfigError


def config(checkpoint, **student):
    init = dict(type='Pretrained', checkpoint=str(checkpoint))
    return Config(
        dict(model=dict(type='A', backbone=dict(init_cfg=init), **student)),
        filename=__file__)


@pytest.fixture
def no_torchvision(monkeypatch):
    monkeypatch.setattr('mmxkd.engine.pretrained.find_spec', lambda name: None)


def test_without_torchvision(no_torchvision):
    """The message has the key, the address and what to write."""
    with pytest.raises(ConfigError) as caught:
        check_pretrained(config('torchvision://resnet18'))
    text = str(caught.value)
    assert text.startswith(f"{__file__}: model.backbone.init_cfg.checkpoint="
                           "'torchvision://resnet18' needs torchvision")
    assert '/models/resnet18-' in text and 'init_cfg=None' in text
    with pytest.raises(ConfigError, match="did you mean 'resnet18'"):
        check_pretrained(config('torchvision://resnet_18'))


def test_with_torchvision(monkeypatch):
    monkeypatch.setattr('mmxkd.engine.pretrained.find_spec', str)
    check_pretrained(config('torchvision://resnet18'))


def test_a_file(tmp_path):
    (tmp_path / 'resnet.pth').touch()
    check_pretrained(config(tmp_path / 'resnet.pth'))
    with pytest.raises(ConfigError, match='no such file; did you mean .*'
                       "resnet.pth'"):
        check_pretrained(config(tmp_path / 'resnt.pth'))


def test_teachers_load_their_own(no_torchvision):
    cfg = config('https://example.org/a.pth',
                 teachers=dict(t=dict(cfg=dict(pretrained='torchvision://x'))))
    check_pretrained(cfg)


def test_where_they_stand():
    model = dict(
        pretrained='a.pth',
        stages=[dict(init_cfg=dict(type='Pretrained', checkpoint='b.pth'))])
    assert list(pretrained_in(model, 'model')) == [
        ('model.pretrained', 'a.pth'),
        ('model.stages[0].init_cfg.checkpoint', 'b.pth')
    ]


def test_load_from_is_looked_for(tmp_path, no_torchvision):
    (tmp_path / 'ssd300.pth').touch()
    for name in (None, tmp_path / 'ssd300.pth', 'https://a.org/a.pth'):
        check_start(Config(dict(model={}, load_from=name and str(name))))
    wrong = dict(model={}, load_from=str(tmp_path / 'ssd30.pth'))
    for resume in (False, True):
        with pytest.raises(
                ConfigError, match=f'{__file__}: load_from=.*ssd30.pth.: '
                "there is no such file; did you mean .*ssd300.pth'"):
            check_start(Config(dict(wrong, resume=resume), filename=__file__))
    with pytest.raises(ConfigError, match='load_from=.* needs torchvision'):
        check_start(Config(dict(model={}, load_from='torchvision://vgg16')))


FROZEN = dict(type='A', backbone=dict(type='VGG', frozen_stages=2))
LOADED = dict(type='Pretrained', checkpoint='a.pth')


def test_frozen_stages_are_not_random():
    cfg = Config(dict(model=FROZEN), filename=__file__)
    with pytest.raises(ConfigError) as caught:
        check_start(cfg)
    text = str(caught.value)
    assert text.startswith(f'{__file__}: model.backbone.frozen_stages=2 would '
                           'keep random weights')
    assert "model.backbone.init_cfg=dict(type='Pretrained'" in text
    # A run that is resumed has its weights from its checkpoint.
    check_start(Config(dict(model=FROZEN, resume=True)))
    check_start(Config(dict(model=FROZEN, load_from='https://a.org/a.pth')))


@pytest.mark.parametrize('model', [
    dict(FROZEN, init_cfg=LOADED),
    dict(FROZEN, pretrained='a.pth'),
    dict(backbone=dict(frozen_stages=2, init_cfg=LOADED)),
    dict(backbone=dict(frozen_stages=2, init_cfg=[dict(type='B'), LOADED])),
    dict(backbone=dict(frozen_stages=-1)),
    dict(backbone=dict(frozen_stages=0)),
    dict(teachers=dict(t=dict(cfg=FROZEN))),
])
def test_frozen_stages_that_are_loaded_or_train(model):
    assert list(frozen_in(model, 'model')) == []


def test_frozen_stages_inside_of_others():
    model = dict(student=dict(FROZEN, neck=dict(init_cfg=LOADED)))
    assert list(frozen_in(model, 'model')) == [
        ('model.student.backbone.frozen_stages', 2)
    ]


def test_variant_b_says_what_it_needs(repo):
    cfg = Config.fromfile(repo / 'configs/fine_grained/'
                          'faster-rcnn_vgg11_imitation_voc.py')
    with pytest.raises(ConfigError, match='model.student.backbone.frozen'):
        check_start(cfg)
