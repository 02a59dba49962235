"""Method recorders share one tap, and patch no class."""
import copy

import pytest
import torch
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.recording.hook_points import parse
from mmxkd.recording.methods import MethodTap, tap_method
from mmxkd.recording.tape import Tape
from tests.helpers.drawing_head import Head, Model


def _tape(model: nn.Module, *texts: str) -> tuple:
    tape = Tape(model, 'student')
    points = [parse(text, model, 'student') for text in texts]
    for point in points:
        tape.add(point)
    return tape, points


def test_two_recorders_on_one_method_both_record():
    model = Model(3.)
    first, (point, ) = _tape(model, 'head.draw()@*')
    second, (other, ) = _tape(model, 'head.draw()@1')
    with first.listen(), second.listen():
        model(torch.tensor(1.))
    assert [float(v) for v in first.read(point)] == [3., 6.]
    assert float(second.read(other)) == 6.
    assert 'draw' not in vars(Head(1.))


def test_unknown_method_offers_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'draw'"):
        parse('head.drw()', Model(1.), 'student')


def test_a_copied_layer_calls_its_own_method():
    model = Model(3.)
    tap = tap_method(model.head, 'draw')
    copied = copy.deepcopy(model)
    copied.head.factor = 7.
    assert isinstance(tap, MethodTap)
    assert float(copied(torch.tensor(1.))) == 21.
