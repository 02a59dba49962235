"""Weights that training starts from are looked for before it does."""
import pytest
from mmengine.config import Config

from mmxkd.engine.pretrained import check_pretrained, pretrained_in
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
