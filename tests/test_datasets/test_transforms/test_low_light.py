"""Dark and noisy pictures, always the same with a seed."""
import numpy as np
import pytest

from mmxkd.datasets.transforms import (
    LowLight,
    PackMultiModalInputs,
    RandomFlip,
)
from mmxkd.datasets.transforms.low_light import GAMMA
from mmxkd.errors import ConfigError


def sample(value: int = 200, name: str = 'a/b.png') -> dict:
    img = np.full((128, 128, 3), value, np.uint8)
    return dict(img=img, img_path=name, img_shape=(128, 128),
                ori_shape=(128, 128), img_id=0)


@pytest.mark.parametrize('light', [0.05, 0.5])
@pytest.mark.parametrize('read_noise', [0., 10.])
def test_mean_and_variance_are_those_of_the_model(light, read_noise):
    """Electrons: Poisson around the light that is left, and the amplifier."""
    many = 1e4
    found = LowLight((light, light), many, read_noise, 0)(sample())['img']
    electrons = (found.astype(float) / 255)**GAMMA * many
    expected = (200 / 255)**GAMMA * light * many
    assert electrons.mean() == pytest.approx(expected, rel=0.01)
    # A pixel has whole numbers: rounding adds a twelfth of a step squared.
    step = GAMMA * expected / (255 * (expected / many)**(1 / GAMMA))
    variance = expected + read_noise**2 + step**2 / 12
    assert electrons.var() == pytest.approx(variance, rel=0.05)
    # Pixels and colours are independent of their neighbours.
    for other in (electrons[..., ::-1], np.roll(electrons, 1, 0)):
        kept = electrons[..., 0].ravel(), other[..., 0].ravel()
        assert abs(np.corrcoef(*kept)[0, 1]) < 0.05


def test_all_light_and_many_electrons_change_nothing():
    img = np.arange(256, dtype=np.uint8).repeat(192).reshape(256, 64, 3)
    found = LowLight((1, 1), 1e8, 0, 0)(dict(sample(), img=img))['img']
    # Noise of four digits behind the point still flips a rounding.
    assert np.abs(found.astype(int) - img).max() <= 1
    assert (found == img).mean() > 0.9


def test_the_copy_is_the_picture():
    before = sample()
    picture = before['img'].copy()
    after = LowLight(seed=0)(before)
    assert (after['clean'] == picture).all()
    assert after['img'].mean() < picture.mean() / 2
    assert 'clean' not in LowLight(seed=0, keep='')(sample())


def test_a_seed_makes_a_picture_the_same_for_ever():
    """Wherever its folder, and whatever was drawn before."""
    first = LowLight(seed=3)(sample())['img']
    np.random.seed(5)
    state = np.random.get_state()[1].copy()
    again = LowLight(seed=3)(sample(name='elsewhere/b.png'))['img']
    assert (again == first).all()
    assert (np.random.get_state()[1] == state).all()
    for other in (LowLight(seed=4)(sample())['img'],
                  LowLight(seed=3)(sample(name='a/c.png'))['img']):
        assert (other != first).mean() > 0.5
    # As it was first drawn: published numbers hold for these pictures.
    assert first[0, :4, 0].tolist() == [40, 27, 25, 35]


def test_without_a_seed_it_is_an_augmentation():
    transform = LowLight()
    found = []
    for seed in (0, 0, 1):
        np.random.seed(seed)
        found.append(transform(sample())['img'])
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).mean() > 0.5


def test_light_is_drawn_evenly_in_its_logarithm():
    transform = LowLight((0.01, 0.16), 1e6, 0, seed=0, keep='')
    means = []
    for k in range(300):
        dark = transform(sample(255, f'{k}.png'))['img']
        means.append(((dark / 255)**GAMMA).mean())
    logs = np.log(means) / np.log(2)
    low, high = np.log2(0.01), np.log2(0.16)
    assert low - 0.1 < logs.min() < low + 0.2
    assert high - 0.2 < logs.max() < high + 0.1
    assert np.mean(logs) == pytest.approx((low + high) / 2, abs=0.25)


def test_it_moves_no_pixel():
    """Both may be packed after a flip of this package."""
    after = RandomFlip(prob=1.)(LowLight(seed=0)(sample()))
    packed = PackMultiModalInputs(('img', 'clean'),
                                  meta_keys=('flip', ))(after)
    assert packed['inputs']['clean'].shape == (3, 128, 128)


@pytest.mark.parametrize('wrong, message', [
    (dict(light=(0, 1)), 'light=.0, 1.'),
    (dict(light=(0.5, 0.1)), 'light='),
    (dict(light=(0.5, 2)), 'up to 1'),
    (dict(electrons=0), 'electrons=0'),
    (dict(read_noise=-1), 'read_noise=-1'),
    (dict(read_noise=float('nan')), 'read_noise=nan'),
    (dict(seed=-1), 'seed=-1'),
    (dict(seed=True), 'seed=True'),
])
def test_bad_numbers_are_named(wrong, message):
    with pytest.raises(ConfigError, match=message):
        LowLight(**wrong)


def test_what_is_not_a_picture_of_eight_bits():
    with pytest.raises(ConfigError, match='found float32'):
        LowLight()(dict(img=np.zeros((4, 4, 3), np.float32)))
    with pytest.raises(ConfigError, match='found none'):
        LowLight()(dict())
    with pytest.raises(ConfigError, match="'claen'.*did you mean 'clean'"):
        LowLight(keep='claen')(sample())
