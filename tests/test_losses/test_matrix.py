"""Any loss with any detector: trains, or is refused with the reason."""
import pytest

from mmxkd.registry import MODELS
from tests.helpers.loss_matrix import (
    FEATURES,
    HEADS,
    LOSSES,
    outcome,
    quiet,
    short,
    table,
)
from tests.helpers.tiny_detectors import DETECTORS

pytestmark = pytest.mark.slow

# They need a depth branch and depth maps, or rows of predictions that a head
# loss picks for them.
NOT_FOR_DETECTORS = {
    'DepthDistributionLoss', 'DepthDualKLLoss', 'SoftCrossEntropyLoss',
    'BoundedRegressionLoss', 'DepthBranchDualKLLoss'
}


@pytest.fixture(autouse=True)
def silent():
    quiet()


@pytest.mark.parametrize('loss', list(FEATURES))
@pytest.mark.parametrize('detector', list(DETECTORS))
def test_features(detector, loss):
    assert outcome(detector, loss) == 'ok'


@pytest.mark.parametrize('loss', list(HEADS))
@pytest.mark.parametrize('detector', list(DETECTORS))
def test_heads(detector, loss):
    found = outcome(detector, loss)
    if detector in HEADS[loss]:
        assert found == 'ok'
    else:
        assert found.startswith(("distiller loss 'loss_kd': ", 'hook point'))
        assert 'cannot be computed' not in found or 'in the student' in found


def test_every_loss_of_the_package_is_tried():
    kinds = {
        make('RetinaNet', DETECTORS['RetinaNet'](16))['type']
        for make in LOSSES.values()
    }
    ours = {
        name for name, kind in MODELS.module_dict.items()
        if kind.__module__.startswith(('mmxkd.losses', 'mmxkd.losses.heads'))
    }
    assert ours - kinds == NOT_FOR_DETECTORS


def test_reasons_are_numbered_notes():
    text = table({
        ('A', 'X'): 'ok', ('A', 'Y'): "hook point 'roi_head': 'student' (A) "
        "has no layer 'roi_head'; did you mean 'head'?",
        ('B', 'X'): "distiller loss 'loss_kd': BHead of the student is bad",
        ('B', 'Y'): "hook point 'roi_head': 'student' (B) has no layer "
        "'roi_head'; did you mean 'neck'?"
    })
    assert text.splitlines() == [
        '|  | X | Y |', '| --- | --- | --- |', '| A | ok | 1 |',
        '| B | 2 | 1 |', '', "1. there is no layer 'roi_head'",
        '2. the head is bad'
    ]
    assert short('the loss') == 'the loss'
