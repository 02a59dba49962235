import sys

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS

import mmxkd  # noqa: F401
from tests.helpers.stacks import needs

needs('mmrazor')


@pytest.mark.slow
def test_models_import_only_with_the_repair(run_python):
    code = 'import mmrazor.models; print("imported")'
    stock = run_python('-c', code, check=False)
    assert stock.returncode != 0 and 'torch>=1.13' in stock.stderr
    ours = run_python(
        '-c', 'import mmxkd, sys; ' + code
        + '; print(sys.getrecursionlimit()); import mmrazor.engine'
        '; print(sys.getrecursionlimit())')
    assert ours.stdout.split() == ['imported', '1000', '1000']


def test_losses_are_built_by_scope_and_right():
    student = torch.randn(2, 3, 4, 5, requires_grad=True)
    teacher = torch.randn(2, 3, 4, 5)
    cwd = MODELS.build(dict(type='mmrazor.ChannelWiseDivergence', tau=2))
    rows = F.log_softmax(teacher.reshape(6, 20) / 2, 1)
    mine = F.log_softmax(student.reshape(6, 20) / 2, 1)
    expected = 4 * (rows.exp() * (rows - mine)).sum() / 6
    torch.testing.assert_close(cwd(student, teacher), expected)

    l2 = MODELS.build(
        dict(type='mmrazor.L2Loss', normalize=False, loss_weight=3.0))
    torch.testing.assert_close(l2(student, teacher), 3 *
                               (student - teacher).square().sum() / 2)
    assert MODELS.build(dict(type='mmrazor.PKDLoss', loss_weight=1.0))(
        (student, ), (student.detach() * 2 + 1, )).item() < 1e-6


def test_connectors_are_built_by_scope_and_run():
    connector = MODELS.build(
        dict(type='mmrazor.TorchNNConnector', module_name='Conv2d',
             module_args=dict(in_channels=3, out_channels=5, kernel_size=1)))
    assert connector(torch.zeros(1, 3, 2, 2)).shape == (1, 5, 2, 2)


def test_a_quantization_name_says_why_it_is_not_there():
    import mmrazor.structures.quantization as stand_in
    with pytest.raises(ImportError, match='BackendConfigs does not work'):
        stand_in.BackendConfigs['native']
    with pytest.raises(ImportError, match='torch 1.13'):
        stand_in.QConfigHandler({})
    assert sys.getrecursionlimit() < 2**20
