"""Method recorders and deliveries share one tap, and patch no class."""
import copy

import pytest
import torch
from torch import nn

from mmxkd.distillation.supply.deliveries import Delivery
from mmxkd.errors import ConfigError
from mmxkd.recording.hook_points import parse
from mmxkd.recording.methods import MethodTap, by_layer, find_owner, tap_method
from mmxkd.recording.tape import Tape


class Head(nn.Module):

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def draw(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.draw(x) + self.draw(2 * x)


class Model(nn.Module):

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.head = Head(factor)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x)


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


def test_recorder_and_delivery_on_one_method():
    models = dict(student=Model(3.), big=Model(5.))
    tapes = {name: Tape(model, name) for name, model in models.items()}
    delivery = Delivery('draws', dict(type='MethodOutputs',
                                      source='head.draw'), models, tapes)
    point = parse('head.draw()@*', models['student'], 'student')
    tapes['student'].add(point)
    with tapes['big'].listen():
        models['big'](torch.tensor(1.))
    with delivery.delivering(), tapes['student'].listen():
        out = models['student'](torch.tensor(1.))
    # The student's own method would give 3 and 6.
    assert float(out) == 15.
    assert [float(v) for v in tapes['student'].read(point)] == [5., 10.]
    assert float(models['student'](torch.tensor(1.))) == 9.


def test_delivery_that_runs_dry_names_the_teacher():
    models = dict(student=Model(3.), big=Model(5.))
    tapes = {name: Tape(model, name) for name, model in models.items()}
    delivery = Delivery('draws', dict(type='MethodOutputs',
                                      method_path='head.draw()'), models,
                        tapes)
    with pytest.raises(ConfigError, match="'big' did .0 times."):
        with delivery.delivering():
            models['student'](torch.tensor(1.))


@pytest.mark.parametrize('cfg, message', [
    (dict(type='FunctionOutputs', source='head.draw'), "'MethodOutputs'"),
    (dict(type='MethodOutputs'), "'source' is missing"),
    (dict(type='MethodOutputs', source='haed.draw'), "did you mean 'head'"),
    (dict(type='MethodOutputs', source='head.drow'), "did you mean 'draw'"),
    (dict(type='MethodOutputs', source='head.draw', teacher='bg'), 'which'),
    (dict(type='MethodOutputs', sourc='head.draw'), "mean 'source'"),
])
def test_bad_delivery(cfg, message):
    models = dict(student=Model(3.), big=Model(5.))
    tapes = {name: Tape(model, name) for name, model in models.items()}
    with pytest.raises(ConfigError, match=message):
        Delivery('draws', cfg, models, tapes)


def test_class_path_of_mmrazor_finds_the_layer():
    model = Model(3.)
    path = f'{Head.__module__}.Head'
    assert find_owner(model, path) == 'head'
    assert by_layer(model, f'{path}.draw()@1') == 'head.draw()@1'
    assert by_layer(model, 'head.draw()') == 'head.draw()'


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
