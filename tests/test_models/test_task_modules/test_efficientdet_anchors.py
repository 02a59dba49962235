"""Anchors and deltas of EfficientDet against the published ones."""
import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes

from mmxkd.errors import ConfigError
from mmxkd.models import DeltaYXHWBBoxCoder, EfficientDetAnchorGenerator

XYXY = [1, 0, 3, 2]


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'mm_distillnet_golden/anchors_decode.npz',
                   allow_pickle=False)


def anchors(height: int, width: int, **kwargs) -> torch.Tensor:
    generator = EfficientDetAnchorGenerator()
    sizes = [(height // s, width // s) for s in (8, 16, 32, 64, 128)]
    return torch.cat(generator.grid_priors(sizes, device='cpu', **kwargs))


@pytest.mark.parametrize('case, size', [('s128', (128, 128)),
                                        ('h128w256', (128, 256))])
def test_golden(golden, case, size):
    ours = anchors(*size)
    expected = golden[f'{case}_anchors_y1x1y2x2'][:, XYXY]
    np.testing.assert_array_equal(ours, expected)
    deltas = torch.from_numpy(golden[f'{case}_reg']).float()
    boxes = DeltaYXHWBBoxCoder().decode(ours, deltas)
    np.testing.assert_allclose(boxes, golden[f'{case}_decoded_xyxy'],
                               atol=3e-3, rtol=0)


def test_golden_of_the_full_size(golden):
    ours = anchors(768, 768)
    assert len(ours) == golden['s768_n'] == 110484
    np.testing.assert_allclose(ours.double().sum(0),
                               golden['s768_colsum_f64'][XYXY], rtol=1e-12)
    np.testing.assert_allclose(ours[::4001],
                               golden['s768_every4001st'][:, XYXY], atol=1e-4,
                               rtol=0)


def test_clipping_leaves_no_box_outside(golden):
    """The published one leaves boxes left of and above the frame there."""
    published = torch.from_numpy(golden['s128_clipped_xyxy'])
    boxes = DeltaYXHWBBoxCoder().decode(
        anchors(128, 128),
        torch.from_numpy(golden['s128_reg']).float(), (128, 128))
    assert (published[:, 2:] < 0).any()
    np.testing.assert_allclose(boxes, published.clamp(0, 128), atol=3e-3,
                               rtol=0)
    free = DeltaYXHWBBoxCoder(clip_border=False)
    outside = free.decode(anchors(128, 128), torch.zeros(3069, 4), (128, 128))
    torch.testing.assert_close(outside, anchors(128, 128))


def test_decoding_undoes_encoding():
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(50, 2, generator=generator, dtype=torch.float64) * 90
    size = 2 + torch.rand(50, 2, generator=generator, dtype=torch.float64) * 60
    boxes = torch.cat([corner, corner + size], 1)
    priors = anchors(128, 128, dtype=torch.float64)[:2500:50]
    coder = DeltaYXHWBBoxCoder()
    deltas = coder.encode(priors, HorizontalBoxes(boxes))
    torch.testing.assert_close(coder.decode(priors, deltas), boxes)
    # By hand: shift of the centres and growth, in y before x.
    centre, own = priors[0, :2] + priors[0, 2:], priors[0, 2:] - priors[0, :2]
    shift = (boxes[0, :2] + boxes[0, 2:] - centre) / 2 / own
    growth = torch.log(size[0] / own)
    torch.testing.assert_close(
        deltas[0], torch.stack([shift[1], shift[0], growth[1], growth[0]]))


def test_boxes_without_area_have_finite_targets():
    prior, line = torch.tensor([[0., 0, 8, 16]]), torch.tensor([[4., 4, 4, 8]])
    deltas = DeltaYXHWBBoxCoder().encode(prior, line)
    assert deltas[0, 3] == pytest.approx(np.log(1 / 8))


def test_a_shape_without_area_is_refused():
    with pytest.raises(ConfigError, match=r'shapes has \(1, 0\)'):
        EfficientDetAnchorGenerator(shapes=[(1, 1), (1, 0)])
