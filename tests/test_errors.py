"""Messages name the place and offer the nearest name."""
import copy
import re

import numpy as np
import pytest

from mmxkd.errors import (
    ConfigError,
    CorruptSampleError,
    NonFiniteLossError,
    check_number,
    check_size,
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


@pytest.mark.parametrize('value, limits, expected', [
    ('1', {}, 'a number that is finite'),
    (True, {}, 'a number that is finite'),
    (float('inf'), {}, 'a number that is finite'),
    (float('nan'), dict(least=0), 'a number of 0 or more'),
    (0, dict(above=0), 'a number above 0'),
    (2, dict(above=0, most=1), 'a number above 0 to 1'),
    (1.5, dict(least=0, most=1), 'a number from 0 to 1'),
    (1, dict(least=0, below=1), 'a number from 0 to below 1'),
    (1., dict(least=1, whole=True), 'a whole number of 1 or more'),
    (None, dict(least=1, whole=True), 'a whole number of 1 or more'),
])  # yapf: disable
def test_numbers_within_limits(value, limits, expected):
    with pytest.raises(
            ConfigError,
            match=re.escape(f'x={value!r}, expected {expected}') + '$'):
        check_number('x', value, **limits)


def test_numbers_that_fit():
    check_number('x', -1.5)
    check_number('x', np.float32(.5), 0, 1)
    check_number('x', np.int64(3), 3, whole=True)
    check_size('x', [1, 2])


@pytest.mark.parametrize(
    'value', [768, (768, ), (1, 2, 3), (0, 768), (1., 2), 'ab', None])
def test_what_is_not_a_size(value):
    with pytest.raises(ConfigError, match='expected height and width'):
        check_size('x', value)


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
