import math

import numpy as np
import pytest
import torch

from mmxkd.losses import DepthBins, apparent_depth_ratio

DOUBLE = torch.float64
ALL = [('ud', 2., 46.8, 80), ('lid', 2., 46.8, 80), ('lid', 1e-3, 60., 80),
       ('sid', 2., 80., 80), ('sid', 0., 50., 7), ('rpd', 5., 80., 80),
       ('rpd', 2., 80., 33), ('ud', 1., 3., 1), ('rpd', 1., 3., 1)]
bins_of_all_rules = pytest.mark.parametrize('arguments', ALL, ids=str)


def published_index(rule, a, b, n, d):
    """floor(k) by the formula of each rule."""
    if rule == 'ud':
        k = (d - a) / ((b - a) / n)
    elif rule == 'lid':
        size = 2 * (b - a) / (n * (n + 1))
        k = -0.5 + 0.5 * math.sqrt(1 + 8 * (d - a) / size)
    elif rule == 'sid':
        k = n * (math.log(1 + d) - math.log(1 + a)) / (math.log(1 + b)
                                                       - math.log(1 + a))
    else:
        k = n * (1 / a - 1 / d) / (1 / a - 1 / b)
    return math.floor(k)


@pytest.mark.parametrize('rule, near, widths, beyond_40', [
    ('lid', 2, [.43, .63, .94, 1.16, 1.35, 1.66], 24),
    ('sid', 2, [.29, .45, .87, 1.27, 1.69, 2.55], 16),
    ('rpd', 2, [.22, .60, 2.25, 5.37, 8.02, 26.2], 2),
    ('rpd', 5, [.09, .23, .98, 2.23, 3.64, 9.19], 5),
])
def test_width_of_80_bins_up_to_80_m(rule, near, widths, beyond_40):
    bins = DepthBins(rule, near, 80, 80)
    at = torch.tensor([6, 10, 20, 30, 40, 60], dtype=DOUBLE)
    found = bins.edges.diff()[bins.target(at)]
    for value, expected in zip(found.tolist(), widths, strict=True):
        digits = 1 if expected > 20 else 2
        assert round(value, digits) == expected
    assert (bins.edges[:-1] >= 40).sum() == beyond_40


@bins_of_all_rules
def test_edges_grow_from_near_to_far(arguments):
    _, near, far, number = arguments
    edges = DepthBins(*arguments).edges
    assert edges.shape == (number + 1, )
    assert (edges.diff() > 0).all()
    torch.testing.assert_close(edges[[0, -1]],
                               torch.tensor([near, far], dtype=DOUBLE))


def test_lid_widths_grow_by_one_step():
    steps = DepthBins('lid', 2, 46.8, 80).edges.diff().diff()
    torch.testing.assert_close(steps,
                               torch.full_like(steps, 2 * 44.8 / (80 * 81)))


@bins_of_all_rules
def test_target_is_the_floor_of_the_published_index(arguments):
    rule, near, far, number = arguments
    bins = DepthBins(*arguments)
    rng = np.random.default_rng(0)
    depth = near + (far - near) * rng.random(2000)
    expected = [published_index(rule, near, far, number, d) for d in depth]
    assert bins.target(torch.from_numpy(depth)).tolist() == expected


@bins_of_all_rules
def test_round_trip(arguments):
    bins = DepthBins(*arguments)
    index = torch.arange(bins.number)
    assert torch.equal(bins.target(bins.decode(index).double()), index)
    assert torch.equal(bins.target(bins.values), index)


@bins_of_all_rules
@pytest.mark.parametrize('dtype', [torch.float32, DOUBLE])
def test_an_edge_is_in_the_bin_that_it_opens(arguments, dtype):
    bins = DepthBins(*arguments)
    opens = bins.edges[:-1].to(dtype)
    opens, index = opens[opens > 0], torch.arange(bins.number)[opens > 0]
    assert torch.equal(bins.target(opens), index)


def test_whole_numbers_are_exact_edges_of_rpd():
    bins = DepthBins()
    assert bins.edges[64] == 20
    assert bins.target(torch.tensor([20.], dtype=DOUBLE)).item() == 64


@pytest.mark.parametrize('rule', ['ud', 'lid', 'sid'])
def test_out_of_range_is_no_depth_in_ud_lid_sid(rule):
    bins = DepthBins(rule, 2., 50., 10)
    depth = torch.tensor(
        [0., -1., math.nan, math.inf, -math.inf, 1.99, 2., 49.9, 50., 51.])
    assert bins.target(depth).tolist() == [10] * 6 + [0, 9, 10, 10]


def test_rpd_takes_the_near_into_bin_0_and_ignores_the_far():
    bins = DepthBins('rpd', 5., 50., 10)
    depth = torch.tensor(
        [0., -1., math.nan, math.inf, -math.inf, 1.99, 5., 49.9, 50., 50.1])
    assert bins.target(depth).tolist() == [10] * 5 + [0, 0, 9, 9, 10]


def test_lid_trap_lower_edges_are_not_centres():
    """60 m / 80 bins: the values of a published decoder are lower edges."""
    bins = DepthBins('lid', 1e-3, 60., 80)
    i = torch.arange(80, dtype=DOUBLE)
    lower = 1e-3 + 59.999 * i * (i + 1) / (80 * 81)
    torch.testing.assert_close(bins.edges[:-1], lower)
    half_width = 59.999 * (i + 1) / (80 * 81)
    torch.testing.assert_close(bins.values, lower + half_width)
    assert (bins.values - lower)[-1] > 0.7


def test_rpd_values_are_the_centres_in_image_rows():
    bins = DepthBins('rpd', 5., 80., 80)
    rows = 1 / bins.edges
    torch.testing.assert_close(1 / bins.values, (rows[1:] + rows[:-1]) / 2)


@pytest.mark.parametrize('pitch', [-1., 0., 1.])
@pytest.mark.parametrize('height, focal', [(1.65, 743.6), (1.2, 500.)])
def test_rpd_bins_are_of_equal_height_on_a_road(pitch, height, focal):
    """Whatever the camera's height, pitch and focal length."""
    angle = math.radians(pitch)
    edges = DepthBins('rpd', 5., 80., 80).edges
    # The point (Y, Z) of the road at depth Z, projected.
    y = (height - math.sin(angle) * edges) / math.cos(angle)
    rows = 180 + focal * y / edges
    steps = rows.diff()
    torch.testing.assert_close(steps, steps[:1].expand(80))
    if (pitch, height) == (0, 1.65):
        assert -steps[0].item() == pytest.approx(2.9, abs=0.05)


def test_expected_depth():
    bins = DepthBins('ud', 0., 8., 4)
    p = torch.tensor([[.5, .25, .25, 0.], [0., 0., 0., 1.]]).T[None, :, None]
    assert bins.expected(p).tolist() == [[[2.5, 7.]]]
    with_none = torch.tensor([.25, 0., .25, 0., .5])[None, :, None, None]
    assert bins.expected(with_none).tolist() == [[[3.]]]
    nothing = torch.tensor([0., 0., 0., 0., 1.])[None, :, None, None]
    assert bins.expected(nothing).tolist() == [[[0.]]]


def test_one_hot_is_expected_where_it_is_decoded():
    bins = DepthBins()
    index = torch.randint(80, (2, 3, 5),
                          generator=torch.Generator().manual_seed(0))
    one_hot = torch.nn.functional.one_hot(index, 81).movedim(-1, 1).float()
    torch.testing.assert_close(bins.expected(one_hot), bins.decode(index))


def test_expected_depth_of_other_channels_is_refused():
    with pytest.raises(ValueError, match='expected 80 channels.*got 79'):
        DepthBins().expected(torch.zeros(1, 79, 2, 2))


def test_apparent_depth_of_an_uncropped_kitti_picture_is_its_depth():
    assert apparent_depth_ratio(721.5377, 1280 / 1242) == pytest.approx(1)


def test_what_is_shown_twice_as_large_seems_half_as_far():
    assert apparent_depth_ratio(500., 2., reference=500.) == 0.5
    ratio = apparent_depth_ratio(torch.tensor([400., 500.]), 1.25, 500.)
    assert ratio.tolist() == pytest.approx([1., 0.8])


def test_apparent_depth_bins_are_rows_of_the_enlarged_picture():
    """A road point at depth d has the same row as one at d' unscaled."""
    f, h, scale = 721.5377, 1.65, 1.4 * 1280 / 1242
    depth = torch.tensor([8., 20., 33.])
    apparent = depth * apparent_depth_ratio(f, scale)
    torch.testing.assert_close(f * scale * h / depth,
                               f * 1280 / 1242 * h / apparent)


@pytest.mark.parametrize('arguments, message', [
    (('did', ), "rule='did', expected one of .*'lid'"),
    (('ud', 5., 5., 80), 'near=5.0, far=5.0'),
    (('rpd', 0., 80., 80), 'near > 0 for rpd'),
    (('lid', 2., 50., 0), 'number=0'),
    (('lid', 2., 50., 2.5), 'number=2.5'),
    (('rpd', 5., float('inf'), 80), 'far=inf'),
    (('rpd', float('nan'), 80., 80), 'near=nan'),
    (('rpd', '5', 80., 80), 'near=5'),
])
def test_impossible_bins_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DepthBins(*arguments)


def test_repr():
    assert repr(DepthBins('ud', 1, 2,
                          3)) == ("DepthBins('ud', near=1, far=2, number=3)")
