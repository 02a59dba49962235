"""The losses in docs/from_mmrazor.md, against MMRazor's."""
import re
from pathlib import Path

import pytest
import torch

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.losses import (
    AttentionTransferLoss,
    ChannelWiseDistillationLoss,
    FeatureMSELoss,
    PKDLoss,
    SoftCrossEntropyLoss,
    SoftLabelKLLoss,
)
from mmxkd.registry import MODELS
from tests.helpers.stacks import needs

PAGE = Path(__file__).resolve().parents[2] / 'docs/from_mmrazor.md'
CLASSES = 5


@pytest.fixture
def theirs():
    return needs('mmrazor.models.losses')


def pair(*shape):
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(*shape, generator=generator)
                        for _ in range(2))
    return student.requires_grad_(), teacher


@pytest.mark.parametrize('ours, name, options, factor', [
    (ChannelWiseDistillationLoss(tau=2), 'ChannelWiseDivergence', dict(tau=2),
     1),
    (PKDLoss(), 'PKDLoss', {}, 1),
    (AttentionTransferLoss(), 'ATLoss', {}, 1),
    (SoftLabelKLLoss(temperature=3), 'KLDivergence', dict(tau=3), 1),
    (SoftLabelKLLoss(temperature=3, reduction='mean'), 'KLDivergence',
     dict(tau=3, reduction='mean'), CLASSES),
    (FeatureMSELoss(), 'L2Loss', dict(normalize=False, div_element=True), 1),
])
@pytest.mark.filterwarnings("ignore:reduction. 'mean'")
def test_row(theirs, ours, name, options, factor):
    student, teacher = pair(2, CLASSES, 4, 6)
    value = ours(student, teacher)
    expected = factor * getattr(theirs, name)(**options)(student, teacher)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(*(torch.autograd.grad(v, student)[0]
                                 for v in (value, expected)))


def test_soft_cross_entropy_row():
    """MMRazor's needs mmcls, which mmxkd does not install: by formula."""
    student, teacher = pair(7, CLASSES)
    expected = 4 * -((teacher / 2).softmax(-1) *
                     (student / 2).log_softmax(-1)).sum(-1).mean()
    ours = SoftCrossEntropyLoss(temperature=2, background_weight=1.0)
    torch.testing.assert_close(2**2 * ours(student, teacher), expected)


def test_page_names_every_loss_of_mmrazor(theirs):
    section = PAGE.read_text().split('## Loss by loss')[1].split('\n## ')[0]
    assert set(theirs.__all__) <= set(re.findall(r'`(\w+)', section))
    rows = re.findall(r'^\| `[^|]*\|([^|]*)\|', section, re.M)
    assert len(rows) == 7
    for row in rows:
        assert MODELS.get(f'mmxkd.{row.strip().strip("`")}') is not None, row
