import torch
import torch.nn.functional as F

from mmxkd.losses.common.hard_negatives import hard_negatives
from tests.helpers import golden_ssd as golden

POSITIVE = golden.LABELS > 0


def errors_of(logits):
    return F.cross_entropy(logits.transpose(1, 2), golden.LABELS,
                           reduction='none')


def test_cross_entropy_of_each_prior():
    torch.testing.assert_close(errors_of(golden.student_logits()),
                               golden.ERRORS, atol=1e-5, rtol=0)


def test_mined_negatives():
    chosen = hard_negatives(errors_of(golden.student_logits()), POSITIVE,
                            ~POSITIVE)
    assert [row.nonzero()[:, 0].tolist()
            for row in chosen] == (golden.NEGATIVES)


def mined(errors, labels, ratio=3.0):
    labels = torch.tensor(labels)
    return hard_negatives(torch.tensor(errors), labels > 0, labels == 0,
                          ratio).int().tolist()


def test_each_image_is_mined_by_itself():
    assert mined([[9., 1., 2.], [1., 8., 9.]], [[0, 0, 1], [0, 0, 0]],
                 1) == [[1, 0, 0], [0, 0, 0]]


def test_no_more_negatives_than_there_are():
    assert mined([[1., 2., 3.]], [[1, 1, 0]]) == [[0, 0, 1]]
    assert mined([[1., 2., 3.]], [[1, 1, 1]]) == [[0, 0, 0]]


def test_ignored_priors_are_not_mined():
    assert mined([[9., 1., 2., 3.]], [[-1, 1, 0, 0]], 1) == [[0, 0, 0, 1]]


def test_negatives_of_equal_error():
    assert mined([[1., 1., 1., 1.]], [[1, 0, 0, 0]], 2) == [[0, 1, 1, 0]]


def test_rows_far_below_the_rest_are_finite():
    logits = torch.zeros(1, 2, 3)
    logits[0, 1] = -1e4
    assert F.cross_entropy(logits.transpose(1, 2),
                           torch.zeros(1, 2, dtype=torch.long),
                           reduction='none').isfinite().all()
