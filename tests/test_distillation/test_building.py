from collections.abc import Sequence
from typing import Optional, Union

import pytest
import torch

from mmxkd.distillation.building import bind, takes_list
from mmxkd.errors import ConfigError


def loss(s, t, margin=0.0, *, anchors, batch_img_metas=None):
    pass


def greedy(s, **others):
    pass


def test_positions_names_and_context():
    bound, context = bind(loss, {1: 'T', 0: 'S'}, 'key')
    assert list(bound.items()) == [('s', 'S'), ('t', 'T')]
    assert context == ['anchors', 'batch_img_metas']
    # A source of one's own goes before the context.
    bound, context = bind(loss, dict(t='T', s='S', anchors='A'), 'key')
    assert list(bound) == ['s', 't', 'anchors']
    assert context == ['batch_img_metas']
    assert bind(greedy, dict(extra='E', s='S'),
                'key')[0] == dict(s='S', extra='E')


def test_names_of_mmrazor_stand_for_positions():
    bound, _ = bind(loss, dict(preds_T='T', preds_S='S'), 'key')
    assert list(bound.items()) == [('s', 'S'), ('t', 'T')]

    def theirs(preds_T, preds_S):
        pass

    bound, _ = bind(theirs, dict(preds_S='S', preds_T='T'), 'key')
    assert bound == dict(preds_S='S', preds_T='T')
    with pytest.raises(ConfigError, match="'s' is given twice"):
        bind(loss, {0: 'S', 1: 'T', 'preds_S': 'S'}, 'key')


@pytest.mark.parametrize('function, arguments, message', [
    (loss, {0: 'S'}, r"key: no source for its arguments \['t'\]"),
    (loss, {0: 'S', 1: 'T', 'marign': 'M'}, "key: it has no argument "
     "'marign'; did you mean 'margin'"),
    (loss, {0: 'S', 1: 'T', 's': 'S'}, "key: the argument 's' is given twice"),
    (greedy, {0: 'S', 1: 'T'}, r"key: it takes only the arguments \['s'\]"),
])
def test_what_does_not_fit_a_signature(function, arguments, message):
    with pytest.raises(ConfigError, match=message):
        bind(function, arguments, 'key')


def test_annotations_of_lists():

    def loss(
            a: tuple,
            b: list[torch.Tensor],
            c: Sequence[int],
            d: Union[torch.Tensor, tuple],  # noqa: UP007
            e: Optional[list],  # noqa: UP045
            f: 'tuple',
            g: torch.Tensor,
            h):
        pass

    assert [name for name in 'abcdefgh'
            if takes_list(loss, name)] == ['a', 'b', 'c', 'f']
    assert not takes_list(loss, 'missing')
