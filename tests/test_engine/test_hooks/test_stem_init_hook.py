from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmxkd.engine.hooks import StemInitHook, inflate_stem
from mmxkd.engine.state_names import use_plain_names
from mmxkd.errors import ConfigError

KEY = 'backbone.conv1.weight'


class Detector(nn.Module):

    def __init__(self, channels):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.conv1 = nn.Conv2d(channels, 64, 7, bias=False)
        self.head = nn.Linear(16, 3)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 9.)


def make_runner(channels, resume=False, training=True):
    model = Detector(channels)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    wrapper = OptimWrapper(optimizer) if training else dict(type='SGD')
    return SimpleNamespace(model=model, optim_wrapper=wrapper, _resume=resume)


def make_checkpoint():
    torch.manual_seed(0)
    return dict(
        state_dict={
            KEY: torch.randn(64, 3, 7, 7), 'head.weight': torch.zeros(5, 16),
            'head.bias': torch.zeros(5)
        })


def load(hook, runner, checkpoint):
    hook.after_load_checkpoint(runner, checkpoint)
    return checkpoint.get('state_dict', checkpoint)


@pytest.mark.parametrize('channels, bound', [(3, 0.08248), (6, 0.05832)])
def test_parity_starts_the_stem_anew(channels, bound):
    runner = make_runner(channels)
    torch.manual_seed(1)
    weights = load(StemInitHook('parity'), runner, make_checkpoint())
    assert KEY not in weights and 'head.weight' in weights
    stem = runner.model.backbone.conv1.weight
    assert stem.shape == (64, channels, 7, 7)
    assert 0.99 * bound < stem.abs().max() <= bound + 1e-5
    # A uniform distribution: its standard deviation is bound / sqrt(3).
    assert stem.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert abs(stem.mean().item()) < bound / 50


@pytest.mark.parametrize('rescale, factor', [(False, 1.0), (True, 0.5)])
def test_inflate_copies_rgb_and_adds_means(rescale, factor):
    checkpoint = make_checkpoint()
    rgb = checkpoint['state_dict'][KEY].clone()
    weights = load(StemInitHook('inflate', rescale=rescale), make_runner(6),
                   checkpoint)
    torch.testing.assert_close(weights[KEY][:, :3], rgb * factor)
    mean = (rgb[:, 0] + rgb[:, 1] + rgb[:, 2]) / 3 * factor
    for channel in (3, 4, 5):
        torch.testing.assert_close(weights[KEY][:, channel], mean)


def test_rescaled_stem_answers_a_grey_image_as_before():
    rgb = torch.randn(4, 3, 7, 7)
    grey = torch.rand(1, 1, 9, 9)
    torch.testing.assert_close(
        nn.functional.conv2d(grey.expand(-1, 6, -1, -1),
                             inflate_stem(rgb, 6, rescale=True)),
        nn.functional.conv2d(grey.expand(-1, 3, -1, -1), rgb), atol=1e-5,
        rtol=1e-4)


def test_truncate_takes_the_first_channels():
    checkpoint = dict(state_dict={KEY: torch.randn(64, 6, 7, 7)})
    gated = checkpoint['state_dict'][KEY].clone()
    weights = load(StemInitHook('truncate'), make_runner(3), checkpoint)
    assert torch.equal(weights[KEY], gated[:, :3])


def test_truncate_undoes_inflate():
    rgb = torch.randn(64, 3, 7, 7)
    checkpoint = dict(state_dict={KEY: inflate_stem(rgb, 6, rescale=False)})
    weights = load(StemInitHook('truncate'), make_runner(3), checkpoint)
    assert torch.equal(weights[KEY], rgb)


def test_keep_changes_nothing():
    runner, checkpoint = make_runner(3), make_checkpoint()
    before = {k: v.clone() for k, v in checkpoint['state_dict'].items()}
    weights = load(StemInitHook('keep'), runner, checkpoint)
    assert weights.keys() == before.keys()
    assert all(torch.equal(weights[k], before[k]) for k in before)
    assert (runner.model.backbone.conv1.weight == 9).all()


@pytest.mark.parametrize('runner', [
    make_runner(6, resume=True),
    make_runner(6, training=False),
])
def test_resumed_and_tested_runs_keep_their_stem(runner):
    checkpoint = dict(state_dict={KEY: torch.ones(64, 6, 7, 7)})
    weights = load(StemInitHook('parity'), runner, checkpoint)
    assert (weights[KEY] == 1).all()
    assert (runner.model.backbone.conv1.weight == 9).all()


def test_fresh_layers_start_anew():
    runner = make_runner(3)
    weights = load(StemInitHook('keep', fresh=['head']), runner,
                   make_checkpoint())
    assert set(weights) == {KEY}
    for parameter in runner.model.head.parameters():
        assert 0 < parameter.abs().max() <= 0.25  # 1 / sqrt(16)


def test_student_of_a_distillation_run():
    """The student's stem goes by its plain name, as in the checkpoints."""
    runner = make_runner(3)
    algorithm = nn.Module()
    algorithm.student = runner.model
    use_plain_names(algorithm)
    runner.model = algorithm
    weights = load(StemInitHook('parity'), runner, make_checkpoint())
    assert KEY not in weights
    assert algorithm.student.backbone.conv1.weight.abs().max() < 0.1
    assert (algorithm.student.head.weight == 9).all()


def test_bare_state_dict():
    weights = load(StemInitHook('parity'), make_runner(3),
                   make_checkpoint()['state_dict'])
    assert KEY not in weights


def test_keep_needs_the_same_channels():
    with pytest.raises(
            ConfigError, match=r'\(64, 6, 7, 7\) in the model and '
            r'\(64, 3, 7, 7\) in the checkpoint'):
        load(StemInitHook('keep'), make_runner(6), make_checkpoint())


def test_inflate_cannot_take_channels_away():
    with pytest.raises(ConfigError, match='3 channels cannot become one on 1'):
        load(StemInitHook('inflate'), make_runner(1), make_checkpoint())


def test_truncate_cannot_add_channels():
    with pytest.raises(ConfigError, match='cannot join'):
        load(StemInitHook('truncate'), make_runner(6), make_checkpoint())


@pytest.mark.parametrize('kwargs, message', [
    (dict(mode='partiy'), "'partiy'; did you mean 'parity'"),
    (dict(mode='keep', rescale=True), "needs mode='inflate'"),
])
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        StemInitHook(**kwargs)


@pytest.mark.parametrize('kwargs, message', [
    (dict(key='backbone.conv.weight'),
     "the model has no 'backbone.conv.weight'; did you mean "
     "'backbone.conv1.weight'"),
    (dict(fresh=['haed']), "no 'haed.weight'; did you mean 'head.weight'"),
])
def test_unknown_layer_offers_the_nearest(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        load(StemInitHook(**kwargs), make_runner(3), make_checkpoint())


def test_checkpoint_without_a_stem():
    with pytest.raises(ConfigError, match='the checkpoint has no'):
        load(StemInitHook(), make_runner(3), dict(state_dict={}))
