"""The student reuses what a method gave in the teacher."""
import pytest
import torch

from mmxkd.distillation.mmrazor_words import read_deliveries
from mmxkd.distillation.supply import Delivery
from mmxkd.errors import ConfigError
from mmxkd.recording.hook_points import parse
from mmxkd.recording.tape import Tape
from tests.helpers.drawing_head import Model


def read(cfg, models):
    """The delivery ``draws`` of a config."""
    config, = read_deliveries(dict(distill_deliveries=dict(draws=cfg)),
                              ['big'], models)
    return Delivery(config, models)


def test_recorder_and_delivery_on_one_method():
    models = dict(student=Model(3.), big=Model(5.))
    tapes = {name: Tape(model, name) for name, model in models.items()}
    delivery = read(dict(type='MethodOutputs', source='head.draw'), models)
    tapes['big'].add(delivery.point)
    point = parse('head.draw()@*', models['student'], 'student')
    tapes['student'].add(point)
    with tapes['big'].listen():
        models['big'](torch.tensor(1.))
    with delivery.delivering(tapes['big']), tapes['student'].listen():
        out = models['student'](torch.tensor(1.))
    # The student's own method would give 3 and 6.
    assert float(out) == 15.
    assert [float(v) for v in tapes['student'].read(point)] == [5., 10.]
    assert float(models['student'](torch.tensor(1.))) == 9.


def test_delivery_that_runs_dry_names_the_teacher():
    models = dict(student=Model(3.), big=Model(5.))
    delivery = read(dict(type='MethodOutputs', method_path='head.draw()'),
                    models)
    tape = Tape(models['big'], 'big')
    tape.add(delivery.point)
    with pytest.raises(ConfigError, match="'big' did .0 times."):
        with delivery.delivering(tape):
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
    with pytest.raises(ConfigError, match=message):
        read(cfg, models)
