"""Maps of the camera frame, made of the map of a spectrogram."""
import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.models.necks.frame_projector import FrameProjector
from mmxkd.registry import MODELS

FRAME = (64, 160)
STRIDES = (8, 16, 32)
SHAPES = [(8, 20), (4, 10), (2, 5)]


def build(seed: int = 0, **options) -> FrameProjector:
    torch.manual_seed(seed)
    return FrameProjector(**dict(
        dict(in_channels=6, bands=2, frame=FRAME, out_channels=4,
             hidden_channels=16), **options))


def heard(count: int = 3, bands: int = 2, times: int = 7) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 6, bands, times, generator=generator)


@pytest.mark.parametrize('strides, shapes', [
    (STRIDES, SHAPES),
    ((16, 32), SHAPES[1:]),
    ((32, ), SHAPES[2:]),
    ((4, 8, 16), [(16, 40), *SHAPES[:2]]),
])
def test_maps_of_the_frame(strides, shapes):
    maps = build(strides=strides)([heard()])
    assert [tuple(m.shape) for m in maps] == [(3, 4, *s) for s in shapes]


def test_the_registry_builds_it():
    neck = MODELS.build(
        dict(type='mmxkd.FrameProjector', in_channels=6, bands=1, frame=FRAME))
    assert isinstance(neck, FrameProjector) and neck.coarsest == (2, 5)


@pytest.mark.parametrize('options', [
    dict(strides=()),
    dict(strides=(8, 16, 64)),
    dict(strides=(32, 16, 8)),
    dict(strides=(8, 8)),
    dict(strides=(16, 32, 64)),
    dict(frame=(64, 168)),
    dict(frame=(72, 160)),
])
def test_strides_and_frames_that_cannot_be(options):
    with pytest.raises(
            ConfigError, match='FrameProjector: strides=.* for frame=.*'
            'half of the next one.*divide the frame'):
        build(**options)


@pytest.mark.parametrize('options, message', [
    (dict(bands=0), 'bands=0, expected a whole number of 1 or more'),
    (dict(in_channels='6'), "in_channels='6', expected a whole number"),
    (dict(out_channels=0), 'out_channels=0, expected a whole number'),
    (dict(hidden_channels=0), 'hidden_channels=0, expected a whole number'),
    (dict(frame=64), 'frame=64, expected height and width'),
    (dict(frame=(0, 0)), r'frame=\(0, 0\), expected height and width'),
    (dict(strides=8), 'strides=8, expected numbers such as'),
])
def test_numbers_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=f'FrameProjector: {message}'):
        build(**options)


def test_a_map_of_other_channels():
    with pytest.raises(
            ConfigError, match="in_channels=5, but the backbone's "
            'last map has 6'):
        build(in_channels=5)([heard()])


def test_one_sample_is_left_at_the_end_of_an_epoch():
    neck = build()
    with pytest.raises(
            ConfigError, match='batch of training has one sample'
            '.*batch_size.*drop_last=True'):
        neck([heard(1)])
    assert len(neck.eval()([heard(1)])) == 3


def test_only_the_last_map_is_heard():
    neck = build().eval()
    fine, coarse = torch.randn(3, 3, 8, 9), heard()
    for one, other in zip(neck([fine, coarse]), neck([coarse]), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_every_parameter_learns():
    neck = build()
    inputs = heard().requires_grad_()
    generator = torch.Generator().manual_seed(2)
    sum((m * torch.randn(m.shape, generator=generator)).sum()
        for m in neck([inputs])).backward()
    assert inputs.grad.abs().min() > 0
    for name, parameter in neck.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_time_is_averaged_and_bands_are_kept_apart():
    neck = build().eval()
    inputs = heard()
    expected = neck([inputs])
    # The same at every moment, or in another order of time.
    mean = inputs.mean(3, keepdim=True)
    for same in (mean, mean.expand(-1, -1, -1, 11), inputs.flip(3)):
        for one, other in zip(neck([same]), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    # Of other frequencies.
    assert not torch.allclose(
        neck([inputs.flip(2)])[2], expected[2], atol=1e-3)


@pytest.mark.parametrize('bands, rows', [(2, 4), (2, 6), (3, 6)])
def test_more_rows_are_pooled_to_bands(bands, rows):
    neck = build(bands=bands).eval()
    inputs = heard(bands=rows)
    pooled = inputs.unflatten(2, (bands, rows // bands)).mean((3, 4))
    for one, other in zip(neck([inputs]), neck([pooled[..., None]]),
                          strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('level', range(3))
def test_each_place_has_a_bias_of_its_own(level):
    """A change at one place is seen there, and at its neighbours alone."""
    neck = build().eval()
    before = neck([heard()])
    row, column = SHAPES[level][0] // 2, SHAPES[level][1] // 2
    with torch.no_grad():
        neck.places[level][:, row, column] += 1
    after = neck([heard()])
    changed = (after[level] - before[level]).abs().sum((0, 1)) > 1e-6
    assert changed[row, column]
    rows, columns = changed.nonzero().T
    # A convolution of 3x3.
    assert (rows - row).abs().max() <= 1 >= (columns - column).abs().max()
    # A finer map is made of a coarser one, and not the other way round.
    for other, (one, two) in enumerate(zip(before, after, strict=True)):
        assert torch.equal(one, two) == (other > level)


def test_a_finer_map_follows_from_the_next_one():
    """By hand, with a convolution that passes its input through."""
    neck = build(strides=(16, 32), norm_cfg=None).eval()
    with torch.no_grad():
        for conv in neck.convs:
            conv.depthwise.weight.zero_()[:, :, 1, 1] = 1
            conv.pointwise.weight.copy_(torch.eye(4)[..., None, None])
            conv.pointwise.bias.zero_()
        for place in neck.places:
            place.normal_()
    fine, coarse = neck([heard()])
    mean = heard().mean(3).flatten(1)
    start = neck.project(mean).reshape(3, 4, 2, 5)

    def silu(x):
        return x / (1 + (-x).exp())

    expected = silu(start + neck.places[1])
    torch.testing.assert_close(coarse, expected)
    grown = expected.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(fine, silu(grown + neck.places[0]))


def test_one_sample_does_not_hear_another():
    neck = build().eval()
    inputs = heard()
    whole = neck([inputs])
    alone = neck([inputs[1:2]])
    for one, other in zip(alone, whole, strict=True):
        torch.testing.assert_close(one, other[1:2], rtol=1e-5, atol=1e-6)


def test_double_precision():
    neck = build().eval()
    single = neck([heard()])
    double = neck.double()([heard().double()])
    for one, other in zip(double, single, strict=True):
        assert one.dtype == torch.float64
        torch.testing.assert_close(one.float(), other, rtol=1e-4, atol=1e-5)


def test_weights_are_saved_and_loaded(tmp_path):
    neck = build()
    with torch.no_grad():
        for place in neck.places:
            place.normal_()
    neck([heard()])  # Moves the running statistics.
    torch.save(neck.state_dict(), tmp_path / 'neck.pth')
    other = build(seed=1)
    other.load_state_dict(torch.load(tmp_path / 'neck.pth', weights_only=True))
    for one, two in zip(neck.eval()([heard()]),
                        other.eval()([heard()]), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    names = set(neck.state_dict())
    assert {f'places.{i}' for i in range(3)} <= names
