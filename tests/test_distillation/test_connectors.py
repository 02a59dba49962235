import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmxkd.distillation import AlignConnector, ConvConnector
from mmxkd.distillation.connectors import (
    LevelConnector,
    connect,
    infer_connector,
)


def maps(*shapes):
    torch.manual_seed(0)
    return [torch.randn(shape) for shape in shapes]


def test_equal_shapes_need_no_connector():
    levels = maps((1, 4, 8, 8), (1, 4, 4, 4))
    assert infer_connector(levels, [m.clone() for m in levels]) is None


def test_one_convolution_where_channels_differ():
    student = maps((2, 4, 8, 6), (2, 4, 4, 3), (2, 6, 2, 2))
    teacher = maps((2, 6, 8, 6), (2, 6, 8, 6), (2, 6, 2, 2))
    connector = infer_connector(student, teacher)
    assert [m.conv is not None for m in connector] == [True, True, False]
    found = connector(student, teacher)
    assert [f.shape for f in found] == [t.shape for t in teacher]
    conv = connector[0].conv
    torch.testing.assert_close(
        found[0],
        torch.einsum('oi,nihw->nohw', conv.weight[:, :, 0, 0], student[0])
        + conv.bias[:, None, None])
    torch.testing.assert_close(
        found[1],
        F.interpolate(connector[1].conv(student[1]), (8, 6), mode='bilinear',
                      align_corners=False))
    assert found[2] is student[2]


def test_resizing_alone():
    student, teacher = maps((1, 2, 2, 2)), maps((1, 2, 4, 4))
    connector = infer_connector(student, teacher)
    assert sum(1 for _ in connector.parameters()) == 0
    constant = connector([torch.full((1, 2, 2, 2), 3.)], teacher)[0]
    torch.testing.assert_close(constant, torch.full((1, 2, 4, 4), 3.))


@pytest.mark.parametrize('student, teacher', [((2, 5), (2, 6)),
                                              ((2, 4, 8, 8), (2, 4)),
                                              ((2, 7, 5), (2, 7, 6))])
def test_other_shapes_must_be_stated(student, teacher):
    with pytest.raises(ValueError, match='state one by connector='):
        infer_connector(maps(student), maps(teacher))


def test_vectors_of_equal_shape_need_none():
    assert infer_connector(maps((2, 5)), maps((2, 5))) is None


def test_a_foreign_connector_sees_the_feature_alone():
    conv = nn.Conv2d(2, 3, 1)
    feature, = maps((1, 2, 4, 4))
    torch.testing.assert_close(connect(conv, feature, None), conv(feature))
    both = connect(conv, [feature, 2 * feature], None)
    torch.testing.assert_close(both[1], conv(2 * feature))


def test_one_of_ours_sees_each_target():
    connector = AlignConnector(2, 2)
    students, teachers = maps((1, 2, 4, 4), (1, 2, 2, 2)), maps((1, 2, 8, 8),
                                                                (1, 2, 3, 5))
    found = connect(connector, students, teachers)
    assert [f.shape[-2:] for f in found] == [(8, 8), (3, 5)]


CONV = dict(in_channels=6, out_channels=4)


def kinds(connector):
    return [
        (m.in_channels, m.out_channels,
         m.kernel_size[0]) if isinstance(m, nn.Conv2d) else type(m).__name__
        for m in connector
    ]


def test_the_hint_adaptation_is_one_convolution():
    assert kinds(ConvConnector(**CONV)) == [(6, 4, 1)]


def test_the_adapter_of_fine_grained_imitation():
    torch.manual_seed(0)
    connector = ConvConnector(384, 768, [3], last_activation=True,
                              init_std=1e-4)
    assert kinds(connector) == [(384, 768, 3), 'ReLU']
    weight, bias = connector[0].weight, connector[0].bias
    assert sum(p.numel() for p in connector.parameters()) == 2_654_976
    # A normal distribution cut off at two standard deviations has 0.880.
    assert weight.std().item() == pytest.approx(0.8796e-4, rel=1e-2)
    assert weight.abs().max() <= 2e-4 and not bias.any()


def test_the_adapter_of_monodistill():
    assert kinds(ConvConnector(**CONV, kernel_sizes=[3, 1])) == [(6, 4, 3),
                                                                 'ReLU',
                                                                 (4, 4, 1)]
    connector = ConvConnector(**CONV, kernel_sizes=[3, 1], batch_norm=True)
    assert kinds(connector) == [(6, 4, 3), 'BatchNorm2d', 'ReLU', (4, 4, 1)]
    # The mean that is subtracted makes a bias idle.
    assert connector[0].bias is None and connector[3].bias is not None
    assert connector.describe() == (
        '3×3 conv 6 → 4, BatchNorm2d, ReLU, 1×1 conv 4 → 4')


@pytest.mark.parametrize('sizes', [[1], [3], [5, 3, 1]])
def test_convolutions_keep_the_size(sizes):
    feature, = maps((2, 6, 5, 3))
    assert ConvConnector(**CONV,
                         kernel_sizes=sizes)(feature).shape == (2, 4, 5, 3)


@pytest.mark.parametrize('sizes', [[], [2], [3, 4]])
def test_even_kernels_are_refused(sizes):
    with pytest.raises(ValueError, match='kernel_sizes=.*, expected odd'):
        ConvConnector(**CONV, kernel_sizes=sizes)


def test_levels_that_differ_in_number_are_refused():
    connector = LevelConnector([AlignConnector(2, 2)])
    with pytest.raises(ValueError):
        connector(maps((1, 2, 4, 4), (1, 2, 2, 2)),
                  maps((1, 2, 4, 4), (1, 2, 2, 2)))
