"""Messages name the place and offer the nearest name."""
import copy

import pytest

from mmxkd.errors import (
    CorruptSampleError,
    NonFiniteLossError,
    did_you_mean,
    nearest_names,
)


@pytest.mark.parametrize('name, first',
                         [('Neck', 'neck'),
                          ('backbone_layer4', 'backbone.layer4'),
                          ('backbone/layer3', 'backbone.layer3'),
                          ('bbox_haed', 'bbox_head')])
def test_case_and_separators_do_not_matter(name, first):
    known = ['neck', 'backbone.layer3', 'backbone.layer4', 'bbox_head']
    assert nearest_names(name, known)[0] == first


def test_nothing_near_lists_what_there_is():
    assert nearest_names('zzz', ['neck', 'backbone']) == []
    assert did_you_mean('zzz',
                        ['neck', 'backbone']) == ("known: 'backbone', 'neck'")
    assert did_you_mean('zzz', map(str, range(20))).endswith(', …')
    assert did_you_mean('zzz', []) == 'there is none to choose from'


@pytest.mark.parametrize('error, text', [
    (CorruptSampleError('a/b.png', 'gated',
                        'cut off'), 'gated: a/b.png: cut off'),
    (NonFiniteLossError({'distill/loss_a': float('nan')}, ['f1', 'f2'], 7),
     'iteration 7: distill/loss_a = nan; the step was not taken. Samples of '
     'this batch: f1, f2'),
])
def test_errors_are_made_again_from_their_arguments(error, text):
    assert str(error) == text
    assert str(copy.copy(error)) == text
