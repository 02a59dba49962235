import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmxkd.losses import FGDLoss
from mmxkd.losses.fgd import GlobalContext, attention, box_weights
from mmxkd.registry import MODELS

SHAPES = [(2, 4, 6, 8), (2, 4, 3, 4), (2, 4, 1, 2)]
INPUT = (48, 64)


def maps(shapes=SHAPES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*s, generator=generator) for s in shapes]


def samples(*boxes):
    return [
        SimpleNamespace(gt_instances=SimpleNamespace(
            bboxes=torch.tensor(b).float().reshape(-1, 4))) for b in boxes
    ]


BOXES = samples(
    [[3., 5., 30., 41.], [17., 1., 63., 22.]],
    [[40., 30., 41.5, 47.], [0., 0., 64., 10.], [-9., 33., 11., 70.]])
METAS = [dict(batch_input_shape=INPUT)] * 2


def build(channels=(4, 4, 4), **options):
    """With global contexts that are no longer the identity."""
    torch.manual_seed(0)
    loss = FGDLoss(channels, **options)
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return loss


def weights_of(*boxes, size=(4, 4), input_shape=(32, 32)):
    tensors = [torch.tensor(b).float().reshape(-1, 4) for b in boxes]
    return box_weights(tensors, input_shape, torch.zeros(1, 1, *size))


def test_two_overlapping_boxes_by_hand():
    """3×3 cells from a corner, and 2×2 cells that share two with them."""
    large, small = [2., 2., 14., 14.], [16., 8., 24., 16.]
    n, f = 1 / 9, 1 / 4
    expected = torch.tensor([[n, n, n, 0], [n, n, f, f], [n, n, f, f],
                             [0, 0, 0, 0]])
    for boxes in ([large, small], [small, large], [large, small, large]):
        torch.testing.assert_close(weights_of(boxes)[0], expected)


@pytest.mark.parametrize(
    'box, area, cells',
    [
        ([16., 16., 16., 16.], 1, [(2, 2)]),  # no size, on a corner
        ([12., 20., 12., 20.], 4, [(2, 1), (2, 2), (3, 1), (3, 2)]),
        ([24., 0., 32., 8.], 4, [(0, 3), (1, 3)]),  # to the right border
        ([-8., 8., 4., 8.], 3, [(1, 0), (1, 1)]),  # half outside
        ([-20., -20., -9., -9.], 4, []),  # outside
        ([40., 40., 48., 48.], 4, []),
        ([16., 16., 8., 8.], 1, []),  # turned round
    ])
def test_boxes_of_no_size_and_outside(box, area, cells):
    expected = torch.zeros(4, 4)
    for cell in cells:
        expected[cell] = 1 / area
    torch.testing.assert_close(weights_of([box])[0], expected)


def test_images_have_their_own_boxes():
    weights = weights_of([], [[0., 0., 8., 8.]])
    assert (weights[0] == 0).all()
    assert weights[1].count_nonzero() == 4


def slow_box_weights(boxes, size, input_shape):
    height, width = size
    out = np.zeros(size)
    for x1, y1, x2, y2 in boxes.tolist():
        left = math.floor(x1 / input_shape[1] * width)
        top = math.floor(y1 / input_shape[0] * height)
        right = math.ceil(x2 / input_shape[1] * width)
        bottom = math.ceil(y2 / input_shape[0] * height)
        area = (right - left + 1) * (bottom - top + 1)
        for y in range(height):
            for x in range(width):
                if left <= x <= right and top <= y <= bottom:
                    out[y, x] = max(out[y, x], 1 / area)
    return out


@pytest.mark.parametrize('size', [(13, 21), (7, 11), (1, 2)])
def test_many_boxes_against_a_slow_loop(size):
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(30, 2, generator=generator) * 120 - 10
    boxes = torch.cat(
        [corners, corners + 40 * torch.rand(30, 2, generator=generator)], 1)
    found = box_weights([boxes], (100, 165), torch.zeros(1, 1, *size))
    np.testing.assert_allclose(found[0].numpy(),
                               slow_box_weights(boxes, size, (100, 165)),
                               rtol=1e-6)


def softmax(values):
    exponentials = np.exp(values - values.max())
    return exponentials / exponentials.sum()


def slow_attention(feature, temperature):
    """(H, W) and (C, ) of one image."""
    channels, height, width = feature.shape
    spatial = np.array([[
        sum(abs(feature[c, y, x]) for c in range(channels)) / channels
        for x in range(width)
    ] for y in range(height)])
    channel = np.array([
        sum(
            abs(feature[c, y, x]) for y in range(height)
            for x in range(width)) / (height * width) for c in range(channels)
    ])
    return (height * width * softmax(spatial / temperature),
            channels * softmax(channel / temperature))


def slow_context(feature, module):
    """What the global context adds to each channel of one image."""
    numbers = [p.detach().double().numpy() for p in module.parameters()]
    w_k, b_k, w_1, b_1, gain, shift, w_2, b_2 = numbers
    channels, height, width = feature.shape
    logits = np.array([[
        sum(w_k[0, c, 0, 0] * feature[c, y, x]
            for c in range(channels)) + b_k[0] for x in range(width)
    ] for y in range(height)])
    share = softmax(logits)
    pooled = (feature * share).sum((1, 2))
    hidden = w_1 @ pooled + b_1
    hidden = (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-5)
    return w_2 @ np.maximum(hidden * gain + shift, 0) + b_2


def slow_parts(student, teacher, samples, context_s, context_t,
               temperature=0.5):
    """Foreground, background, attention and global part of one level."""
    parts = np.zeros(4)
    for s, t, sample in zip(student.double().numpy(),
                            teacher.double().numpy(), samples, strict=True):
        channels, height, width = s.shape
        mask = slow_box_weights(sample.gt_instances.bboxes, (height, width),
                                INPUT)
        empty = (mask == 0).sum()
        spatial, channel = slow_attention(t, temperature)
        own_spatial, own_channel = slow_attention(s, temperature)
        added = slow_context(s, context_s) - slow_context(t, context_t)
        for y in range(height):
            for x in range(width):
                for c in range(channels):
                    error = spatial[y, x] * channel[c] * (t[c, y, x]
                                                          - s[c, y, x])**2
                    if mask[y, x] > 0:
                        parts[0] += mask[y, x] * error
                    else:
                        parts[1] += error / empty
                    parts[3] += (s[c, y, x] - t[c, y, x] + added[c])**2
        parts[2] += np.abs(spatial - own_spatial).sum()
        parts[2] += np.abs(channel - own_channel).sum()
    return parts / len(student)


@pytest.mark.parametrize(
    'boxes', [BOXES, samples([], [[1., 2., 9., 30.]]),
              samples([], [])], ids=['boxes', 'one without', 'none'])
@pytest.mark.parametrize('temperature', [0.5, 2.])
def test_against_a_slow_version(boxes, temperature):
    student, teacher = maps(), maps(seed=1)
    weights = (0.7, 0.3, 0.2, 0.05)
    loss = build((4, 4, 4),
                 **dict(
                     zip(('alpha_fgd', 'beta_fgd', 'gamma_fgd', 'lambda_fgd'),
                         weights, strict=True)), temperature=temperature)
    found = loss.levels(student, teacher, boxes, METAS)
    parts = np.array([
        slow_parts(s, t, boxes, *contexts, temperature)
        for s, t, *contexts in zip(student, teacher, loss.student_context,
                                   loss.teacher_context, strict=True)
    ])
    expected = parts @ np.array(weights)
    assert [v.item() for v in found] == pytest.approx(expected, rel=1e-5)
    assert loss(student, teacher, boxes,
                METAS).item() == pytest.approx(expected.sum(), rel=1e-5)
    assert [v.item() for v in loss.metrics().values()
            ] == pytest.approx(parts.sum(0) * weights, rel=1e-5)
    assert list(
        loss.metrics()) == ['foreground', 'background', 'attention', 'global']


def only(name, channels=(4, 4, 4)):
    """One of the four parts, with weight 1."""
    names = ('alpha_fgd', 'beta_fgd', 'gamma_fgd', 'lambda_fgd')
    return build(channels, **{n: float(n == name) for n in names})


def test_foreground_by_hand():
    """Teacher 0: all attention is 1. Four cells of a box weigh ¼ each."""
    student = torch.zeros(1, 2, 4, 4)
    student[0, :, 1, 2], student[0, 0, 0, 0] = 3., 100.
    value = only('alpha_fgd', 2)(student, torch.zeros(1, 2, 4, 4),
                                 samples([[16., 8., 24., 16.]]),
                                 [dict(batch_input_shape=(32, 32))])
    assert value.item() == pytest.approx(2 * 9 / 4)


def test_background_by_hand():
    student = torch.zeros(1, 2, 4, 4)
    student[0, :, 1, 2], student[0, 0, 0, 0] = 100., 3.
    arguments = (student, torch.zeros(1, 2, 4, 4),
                 samples([[16., 8., 24.,
                           16.]]), [dict(batch_input_shape=(32, 32))])
    assert only('beta_fgd', 2)(*arguments).item() == pytest.approx(9 / 12)


def test_no_boxes_and_nothing_but_boxes():
    student, teacher = maps(), maps(seed=1)
    full = samples([[0., 0., 64., 48.]], [[0., 0., 64., 48.]])
    assert only('alpha_fgd')(student, teacher, samples([], []), METAS) == 0
    assert only('beta_fgd')(student, teacher, samples([], []), METAS) > 0
    assert only('beta_fgd')(student, teacher, full, METAS) == 0
    assert only('alpha_fgd')(student, teacher, full, METAS) > 0


@pytest.mark.parametrize('part', ['alpha_fgd', 'beta_fgd'])
def test_the_weighing_itself_is_no_target(part):
    """Attention weighs, but only the squared error is learnt from it."""
    student, teacher = maps(SHAPES[:1]), maps(SHAPES[:1], seed=1)
    student[0].requires_grad_()
    only(part, 4)(student, teacher, BOXES, METAS).backward()
    spatial, channel = attention(teacher[0], 0.5)
    inside = box_weights([s.gt_instances.bboxes for s in BOXES], INPUT,
                         teacher[0])
    outside = (inside == 0).float()
    outside = outside / outside.sum((1, 2), keepdim=True)
    mask = inside if part == 'alpha_fgd' else outside
    expected = (mask * spatial)[:, None] * channel[:, :, None, None] * (
        student[0].detach() - teacher[0])
    torch.testing.assert_close(student[0].grad, expected)  # 2 / N = 1


def test_attention_has_mean_one_and_follows_size():
    feature = maps(SHAPES[:1])[0]
    spatial, channel = attention(feature, 0.5)
    torch.testing.assert_close(spatial.mean((1, 2)), torch.ones(2))
    torch.testing.assert_close(channel.mean(1), torch.ones(2))
    assert spatial[0].argmax() == feature[0].abs().mean(0).argmax()
    assert channel[1].argmax() == feature[1].abs().mean((1, 2)).argmax()
    # A low temperature is keener.
    assert attention(feature, 0.1)[0].max() > spatial.max()


def test_order_of_boxes_and_channels_does_not_matter():
    student, teacher = maps(SHAPES[:1]), maps(SHAPES[:1], seed=1)
    torch.manual_seed(0)
    loss = FGDLoss(4)
    value = loss(student, teacher, BOXES, METAS).item()
    turned = samples(*(s.gt_instances.bboxes.flip(0).tolist() for s in BOXES))
    assert loss(student, teacher, turned,
                METAS).item() == pytest.approx(value, rel=1e-6)
    assert loss([student[0].flip(1)], [teacher[0].flip(1)], BOXES,
                METAS).item() == pytest.approx(value, rel=1e-5)


def test_global_context_starts_as_the_identity():
    torch.manual_seed(0)
    module = GlobalContext(64)
    assert (module(torch.randn(2, 64, 3, 5)) == 0).all()
    assert module.position.bias == 0
    assert module.position.weight.std().item() == pytest.approx(
        math.sqrt(2 / 64), rel=0.3)
    # Its last layer learns from the first step on.
    student, teacher = maps(SHAPES[:1]), maps(SHAPES[:1], seed=1)
    loss = FGDLoss(4)
    loss(student, teacher, BOXES, METAS).backward()
    for context in (*loss.student_context, *loss.teacher_context):
        assert (context.add[-1].weight.grad != 0).any()


def test_memory_does_not_grow_with_boxes():
    """Less than four maps of the student's size are kept for backward."""
    student, teacher = maps([(1, 64, 40, 60)]), maps([(1, 64, 40, 60)], seed=1)
    student[0].requires_grad_()
    boxes = samples(
        np.sort(np.random.default_rng(0).uniform(0, 48, (200, 2, 2)),
                1).reshape(-1, 4).tolist())
    loss, kept = FGDLoss(64), {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        loss(student, teacher, boxes, METAS[:1])
    own = {t.untyped_storage().data_ptr() for t in (*student, *teacher)}
    size = sum(bytes_ for at, bytes_ in kept.items() if at not in own)
    assert size < 4 * student[0].untyped_storage().nbytes()


def test_is_found_by_its_name():
    loss = MODELS.build(dict(type='mmxkd.FGDLoss', channels=[2, 3]))
    assert loss.channels == [2, 3] and loss.temperature == 0.5
    assert loss.weights == (1e-3, 5e-4, 1e-3, 5e-6)
    assert loss.level_reduction == 'sum'


def test_other_options_and_features_are_refused():
    with pytest.raises(ValueError, match='temperature=0, expected'):
        FGDLoss(4, temperature=0)
    with pytest.raises(ValueError, match=r'3 levels, but channels=\[4\]'):
        build(4)(maps(), maps(), BOXES, METAS)
    with pytest.raises(ValueError, match='level 1 has 4 channels'):
        build([4, 5, 4])(maps(), maps(), BOXES, METAS)
    with pytest.raises(ValueError, match='of 2 images, data samples of 1'):
        build()(maps(), maps(), BOXES[:1], METAS)
    with pytest.raises(ValueError, match='level 0 is'):
        build(4)(maps(SHAPES[:1]), maps([(2, 4, 6, 7)]), BOXES, METAS)
