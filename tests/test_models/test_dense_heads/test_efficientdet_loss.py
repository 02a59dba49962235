"""The losses of EfficientDet's head against published numbers, float64."""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.models.dense_heads import EfficientDetHead

SIZES = [(16, 16), (8, 8), (4, 4), (2, 2), (1, 1)]
CASES = dict(all=('0', '1', '2'), img1_empty=('0', None, '2'), only0=('0', ),
             zero_size=('1', '2'), all_empty=(None, None))
# Which images of the golden file a case takes, from the first on.
FIRST = dict(zero_size=1)


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'mm_distillnet_golden/focal.npz',
                   allow_pickle=False)


def head(**kwargs) -> EfficientDetHead:
    return EfficientDetHead(20, in_channels=4, stacked_convs=1, **kwargs)


class AsProbabilities(torch.nn.Module):
    """Hands probabilities to a loss that expects logits."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, pred, *args, **kwargs):

        class Probability(torch.Tensor):

            def sigmoid(self):
                return self.as_subclass(torch.Tensor)

        return self.loss(pred.as_subclass(Probability), *args, **kwargs)


def levels(rows: torch.Tensor, width: int) -> list[torch.Tensor]:
    """(N, A, width) as maps of all levels."""
    maps = rows.split([9 * h * w for h, w in SIZES], dim=1)
    return [
        m.reshape(len(m), h, w, 9 * width).permute(0, 3, 1, 2)
        for m, (h, w) in zip(maps, SIZES, strict=True)
    ]


def instances(gt) -> InstanceData:
    gt = torch.zeros(0, 5) if gt is None else torch.from_numpy(gt)
    # Targets have the precision of the boxes.
    return InstanceData(bboxes=gt[:, :4].double(), labels=gt[:, 4].long())


def run(golden, case, **kwargs):
    names = CASES[case]
    first = FIRST.get(case, 0)
    kept = slice(first, first + len(names))
    p = torch.from_numpy(golden['cls'][kept]).double().requires_grad_()
    reg = torch.from_numpy(golden['reg'][kept]).double().requires_grad_()
    model = head(**kwargs)
    model.loss_cls = AsProbabilities(model.loss_cls)
    truth = [instances(name and golden[f'gt{name}']) for name in names]
    losses = model.loss_by_feat(levels(p, 20), levels(reg, 4), truth,
                                [{}] * len(names))
    (losses['loss_cls'] + losses['loss_bbox']).backward()
    losses = {key: loss.item() for key, loss in losses.items()}
    return losses, p.grad, reg.grad


@pytest.mark.parametrize('case', CASES)
def test_golden(golden, case):
    losses, p_grad, reg_grad = run(golden, case, empty='published')
    for key, name in (('loss_cls', 'cls_loss'), ('loss_bbox', 'reg_loss')):
        assert losses[key] == pytest.approx(float(golden[f'{case}_{name}'][0]),
                                            rel=1e-9)
    if case != 'all_empty':
        for key, grad in (('cls', p_grad), ('reg', reg_grad)):
            assert float(grad.abs().sum()) == pytest.approx(
                float(golden[f'{case}_grad_{key}_abs_sum']), rel=1e-9)
    else:
        assert not p_grad.any() and not reg_grad.any()


def test_golden_gradients(golden):
    _, p_grad, reg_grad = run(golden, 'all', empty='published')
    np.testing.assert_allclose(p_grad.flatten()[golden['all_grad_cls_index']],
                               golden['all_grad_cls'], rtol=1e-9, atol=1e-15)
    hit = reg_grad.reshape(-1, 4).abs().sum(1).nonzero().flatten()
    np.testing.assert_array_equal(hit, golden['all_grad_reg_rows'])
    np.testing.assert_allclose(
        reg_grad.reshape(-1, 4)[hit], golden['all_grad_reg'], rtol=1e-9,
        atol=1e-15)


def test_what_empty_images_teach(golden):
    """Written out: negatives of both images, over 1 positive each."""
    p = torch.from_numpy(golden['cls'][:2]).double().clamp(1e-4, 1 - 1e-4)
    sums = (-0.75 * p**2 * torch.log(1 - p)).flatten(1).sum(1)
    negative, grad, _ = run(golden, 'all_empty', empty='negative')
    assert negative['loss_cls'] == pytest.approx(float(sums.mean()))
    assert grad.any()
    skipped, grad, reg_grad = run(golden, 'all_empty', empty='skip')
    assert skipped['loss_cls'] == 0 == skipped['loss_bbox']
    assert not grad.any() and not reg_grad.any()
    # Where one image is empty, the average is over the others.
    some, grad, _ = run(golden, 'img1_empty', empty='skip')
    assert not grad[1].any() and grad[0].any()
    two = run(golden, 'img1_empty')[0]['loss_cls']
    assert some['loss_cls'] == pytest.approx((3 * two - float(sums[1])) / 2)


def test_the_normalizer_of_the_batch(golden):
    """Images weigh by their positives: sums over the sum."""
    own = run(golden, 'only0')[0]
    positives = [int(golden[f'img{i}_n_pos']) for i in range(3)]
    whole = run(golden, 'all', normalizer='batch')[0]
    one = run(golden, 'only0', normalizer='batch')[0]
    for key in ('loss_cls', 'loss_bbox'):
        # One image is its own batch.
        assert one[key] == pytest.approx(own[key])
    # Of three images, by hand from the sums of each.
    p = torch.from_numpy(golden['cls']).double()
    image = [
        run_one(golden, i)['loss_cls'] * positives[i] for i in range(len(p))
    ]
    assert whole['loss_cls'] == pytest.approx(
        float(sum(image)) / sum(positives))


def run_one(golden, i):
    model = head()
    model.loss_cls = AsProbabilities(model.loss_cls)
    p = torch.from_numpy(golden['cls'][i:i + 1]).double()
    reg = torch.from_numpy(golden['reg'][i:i + 1]).double()
    return model.loss_by_feat(levels(p, 20), levels(reg, 4),
                              [instances(golden[f'gt{i}'])], [{}])


def test_stock_losses_of_mmdet_serve_too(golden):
    """mmdet's focal loss clamps nothing: equal where nothing is near 0, 1."""
    logits = torch.linspace(-4, 4, 3069 * 20).reshape(1, 3069, 20).double()
    reg = torch.from_numpy(golden['reg'][:1]).double()
    truth = [instances(golden['gt0'])]
    found = []
    for loss in ('mmxkd.ClampedFocalLoss', 'mmdet.FocalLoss'):
        model = head(loss_cls=dict(type=loss, use_sigmoid=True))
        found.append(
            model.loss_by_feat(levels(logits, 20), levels(reg, 4), truth,
                               [{}]))
    assert float(found[0]['loss_cls']) == pytest.approx(
        float(found[1]['loss_cls']), rel=1e-6)


def test_decoded_boxes_can_be_compared_instead(golden):
    """A GIoU loss of perfect boxes is 0, and grows as they are shifted."""
    model = head(reg_decoded_bbox=True, loss_bbox=dict(type='mmdet.GIoULoss'))
    anchors = torch.cat(model.prior_generator.grid_priors(SIZES, device='cpu'))
    gt = instances(golden['gt2'][:1])
    exact = model.bbox_coder.encode(anchors, gt.bboxes.expand(3069, 4))[None]
    logits = levels(torch.zeros(1, 3069, 20), 20)
    zero = model.loss_by_feat(logits, levels(exact, 4), [gt], [{}])
    assert float(zero['loss_bbox']) == pytest.approx(0, abs=1e-5)
    more = model.loss_by_feat(logits, levels(exact + 0.3, 4), [gt], [{}])
    assert float(more['loss_bbox']) > 0.1


def test_half_precision_sums_in_single(golden):
    logits = [m.half() for m in levels(torch.zeros(1, 3069, 20), 20)]
    deltas = [m.half() for m in levels(torch.zeros(1, 3069, 4), 4)]
    losses = head().loss_by_feat(logits, deltas, [instances(None)], [{}])
    # 61380 terms of 0.75 · 0.25 · ln 2; half precision ends at 65504.
    assert losses['loss_cls'].dtype == torch.float32
    assert float(losses['loss_cls']) == pytest.approx(
        3069 * 20 * 0.75 * 0.25 * np.log(2), rel=1e-5)


@pytest.mark.parametrize(
    'wrong',
    [dict(empty='skipp'), dict(normalizer='images')])
def test_unknown_words_are_refused(wrong):
    (key, ) = wrong
    with pytest.raises(ConfigError, match=f'{key}=.*did you mean'):
        head(**wrong)


@pytest.mark.parametrize('prior', [0, 1, 2, -.1, '0.01', float('nan')])
def test_a_first_score_that_cannot_be(prior):
    with pytest.raises(
            ConfigError, match='prior=.*, expected a number above '
            '0 to below 1'):
        head(prior=prior)
