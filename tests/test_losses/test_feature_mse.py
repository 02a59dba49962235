import pytest
import torch

from mmxkd.losses import FeatureMSELoss
from mmxkd.losses.feature_mse import valid_mask
from mmxkd.registry import MODELS

SHAPES = [(2, 4, 8, 8), (2, 4, 4, 4), (2, 4, 2, 2), (2, 4, 1, 1)]


def golden_levels():
    """Student and teacher of the published numbers."""
    student, teacher = [], []
    for level, shape in enumerate(SHAPES):
        i = torch.arange(torch.Size(shape).numel(), dtype=torch.float32)
        student.append(torch.sin(0.1 * (i + level)).view(shape))
        teacher.append(torch.cos(0.07 * i - 0.3 * level).view(shape))
    return student, teacher


def maps(*shapes, seed=0, **kwargs):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*s, generator=generator, **kwargs) for s in shapes]


def test_golden_numbers_of_the_paper_code():
    loss = FeatureMSELoss()
    levels = loss.levels(*golden_levels())
    expected = [0.8681074, 0.5333706, 0.0544441, 0.0442821]
    assert [v.item() for v in levels] == pytest.approx(expected, abs=1e-5)
    assert 0.5 * loss.reduce(levels).item() == pytest.approx(
        0.1875255, abs=1e-5)
    assert 0.5 * loss(*golden_levels()).item() == pytest.approx(
        0.1875255, abs=1e-5)


def test_is_found_by_its_name():
    assert isinstance(MODELS.build(dict(type='FeatureMSELoss')),
                      FeatureMSELoss)
    assert isinstance(MODELS.build(dict(type='mmxkd.FeatureMSELoss')),
                      FeatureMSELoss)


def test_every_level_counts_alike_whatever_its_area():
    student = [torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 1, 1)]
    teacher = [torch.full((1, 2, 8, 8), 2.), torch.full((1, 2, 1, 1), 4.)]
    assert FeatureMSELoss()(student, teacher).item() == (4 + 16) / 2


def test_level_weights():
    student = [torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 1, 1)]
    teacher = [torch.full((1, 2, 8, 8), 2.), torch.full((1, 2, 1, 1), 4.)]
    weighted = FeatureMSELoss(level_weights=[3., 0.5])
    assert weighted(student, teacher).item() == (3 * 4 + 0.5 * 16) / 2


def test_level_weights_of_another_number_are_refused():
    with pytest.raises(ValueError, match='level_weights has 3 entries for 1'):
        FeatureMSELoss(level_weights=[1, 1, 1])(torch.zeros(1, 1, 2, 2),
                                                torch.zeros(1, 1, 2, 2))


def test_gradient_element_by_element():
    student = torch.randn(2, 3, 4, 5, requires_grad=True)
    teacher = torch.randn(2, 3, 4, 5, requires_grad=True)
    FeatureMSELoss()(student, teacher).backward()
    expected = 2 * (student - teacher).detach() / student.numel()
    torch.testing.assert_close(student.grad, expected)
    assert teacher.grad is None


def metas(sizes, padded):
    return [dict(img_shape=s, batch_input_shape=padded) for s in sizes]


@pytest.mark.parametrize('valid_area', [False, True])
def test_gradcheck(valid_area):
    student = [
        m.requires_grad_()
        for m in maps((2, 2, 3, 4), (2, 2, 2, 2), dtype=torch.float64)
    ]
    teacher = maps((2, 2, 3, 4), (2, 2, 2, 2), seed=1, dtype=torch.float64)
    loss = FeatureMSELoss([1., 2.], valid_area)
    images = metas([(20, 30), (24, 17)], (24, 32))
    assert torch.autograd.gradcheck(lambda *s: loss(list(s), teacher, images),
                                    student)


def slow_masked_mse(student, teacher, images):
    """Cell by cell: a cell counts when its first pixel is in the image."""
    n, c, h, w = student.shape
    total, count = 0.0, 0
    for k in range(n):
        padded_h, padded_w = images[k]['batch_input_shape']
        image_h, image_w = images[k]['img_shape']
        for y in range(h):
            for x in range(w):
                if y * padded_h >= image_h * h or x * padded_w >= image_w * w:
                    continue
                for channel in range(c):
                    difference = (student[k, channel, y, x]
                                  - teacher[k, channel, y, x]).item()
                    total += difference**2
                    count += 1
    return total / count


@pytest.mark.parametrize('sizes', [
    [(64, 96), (64, 96)],
    [(50, 83), (33, 96)],
    [(1, 1), (64, 95)],
    [(32, 33), (31, 32)],
])
def test_valid_area_against_a_slow_loop(sizes):
    images = metas(sizes, (64, 96))
    shapes = [(2, 3, 16, 24), (2, 3, 8, 12), (2, 3, 2, 3), (2, 3, 1, 1)]
    student, teacher = maps(*shapes), maps(*shapes, seed=1)
    levels = FeatureMSELoss(valid_area=True).levels(student, teacher, images)
    expected = [
        slow_masked_mse(s, t, images)
        for s, t in zip(student, teacher, strict=True)
    ]
    assert [v.item() for v in levels] == pytest.approx(expected, rel=1e-5)


def test_valid_area_of_unpadded_images_changes_nothing():
    student, teacher = maps((2, 3, 5, 7)), maps((2, 3, 5, 7), seed=1)
    images = metas([(40, 56)] * 2, (40, 56))
    assert FeatureMSELoss(valid_area=True)(
        student, teacher, images).item() == pytest.approx(
            FeatureMSELoss()(student, teacher).item(), rel=1e-6)


def test_padding_has_no_gradient():
    student = torch.randn(1, 2, 4, 4, requires_grad=True)
    FeatureMSELoss(valid_area=True)(student, torch.zeros(1, 2, 4, 4),
                                    metas([(32, 20)], (32, 32))).backward()
    assert (student.grad[..., 3] == 0).all()
    assert (student.grad[..., :3] != 0).all()


def test_mask_takes_images_with_channels_in_their_shape():
    mask = valid_mask(torch.zeros(1, 5, 2, 4),
                      [dict(img_shape=(16, 9, 3), batch_input_shape=(16, 32))])
    assert mask.tolist() == [[[[1, 1, 0, 0], [1, 1, 0, 0]]]]


def test_valid_area_needs_metas():
    with pytest.raises(ValueError, match='needs batch_img_metas'):
        FeatureMSELoss(valid_area=True)(torch.zeros(1, 1, 2, 2),
                                        torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize('shape', [(1, 2, 1, 1), (3, 2, 5, 1), (2, 4, 3, 9)])
def test_channels_last_equals_contiguous(shape):
    (student, ), (teacher, ) = maps(shape), maps(shape, seed=1)
    last = torch.channels_last
    assert FeatureMSELoss()(
        student.contiguous(memory_format=last),
        teacher.contiguous(memory_format=last)).item() == pytest.approx(
            FeatureMSELoss()(student, teacher).item(), rel=1e-6)


def test_zero_maps_give_zero_and_no_nan():
    student = torch.zeros(2, 3, 4, 4, requires_grad=True)
    value = FeatureMSELoss()(student, torch.zeros(2, 3, 4, 4))
    value.backward()
    assert value.item() == 0
    assert (student.grad == 0).all()


@pytest.mark.parametrize('valid_area', [False, True])
def test_bf16(valid_area):
    (student, ), (teacher, ) = maps((2, 3, 4, 6)), maps((2, 3, 4, 6), seed=1)
    images = metas([(30, 40)] * 2, (32, 48))
    loss = FeatureMSELoss(valid_area=valid_area)
    half = loss(student.bfloat16(), teacher.bfloat16(), images)
    assert half.item() == pytest.approx(
        loss(student, teacher, images).item(), rel=2e-2)


@pytest.mark.parametrize('student, teacher, message', [
    ([], [], 'no feature level'),
    ([torch.zeros(1, 1, 2, 2)] * 2, [torch.zeros(1, 1, 2, 2)
                                     ], 'student has 2 levels, the teacher 1'),
    ([torch.zeros(1, 1, 2, 2)], [torch.zeros(1, 1, 2, 3)],
     r'level 0 is \(1, 1, 2, 2\) in the student, \(1, 1, 2, 3\)'),
    ([torch.zeros(1, 1, 2, 2)], [torch.zeros(1, 2, 2, 2)], 'level 0'),
    ([[torch.zeros(1, 1, 2, 2)]], [[torch.zeros(1, 1, 2, 2)]], 'list of list'),
])
def test_levels_that_do_not_fit_are_refused(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        FeatureMSELoss()(student, teacher)
