"""The runner says what it does, and what it is about to do."""
import logging

import pytest
from mmengine.runner import Runner

from mmxkd.engine import launch
from mmxkd.engine.console_runner import ConsoleRunner
from mmxkd.engine.run_summary import describe_model, run_summary
from mmxkd.io import console
from tests.helpers.tiny_pair import pair_config, write_pair


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp('console_runner'))


def test_each_stage_is_named_in_turn(config, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        console, 'doing',
        lambda what: said.append(what if isinstance(what, str) else what()))
    runner = launch.build_runner(pair_config(config, tmp_path))
    runner.train()
    assert list(dict.fromkeys(said)) == [
        'reading the environment', 'building the model', 'reading the data',
        'starting the hooks', 'initialising weights and loading teachers',
        'loading the checkpoint', 'checking the data and the teachers',
        'loading the first batch of the epoch', 'training, iteration 1 of 4',
        'training, iteration 2 of 4', 'training, iteration 3 of 4',
        'training, iteration 4 of 4', 'ending the epoch',
        'saving a checkpoint', 'ending the run'
    ]


def test_schedules_precision_and_resuming_are_told(config, tmp_path):

    def change(cfg):
        cfg.model.distiller.losses.loss_feature.loss_weight = dict(
            type='Linear', start=0., stop=1., end=5)
        cfg.model.teachers.wide.dtype = 'bf16'
        launch.use_mixed_precision(cfg, 'bf16')

    first = launch.build_runner(pair_config(config, tmp_path, change))
    first.train()
    text = run_summary(first)
    assert 'loss_feature: FeatureMSELoss × Linear schedule, reads' in text
    assert 'AdamW, lr 0.001, Bf16OptimWrapper' in text
    assert 'connectors and losses have' in text
    assert 'goes on after epoch 1' in text


def test_who_names_a_runner_gets_it(config, tmp_path):

    def change(cfg):
        cfg.runner_type = 'Runner'

    cfg = pair_config(config, tmp_path, change)
    assert type(launch.build_runner(cfg)) is Runner
    runner = launch.build_runner(pair_config(config, tmp_path))
    assert type(runner) is ConsoleRunner
    # Its file takes everything, and its console what a user acts on.
    shown, file = runner.logger.handlers
    assert isinstance(file, logging.FileHandler)
    for message, on_console in (('Config:\nmodel = dict()', False),
                                ('Connectors\n+---+', False),
                                ('"FileClient" will be deprecated', False),
                                ('My Config:\n', True),
                                ('the teacher is random', True)):
        record = logging.LogRecord('mmengine', logging.INFO, 'f.py', 1,
                                   message, (), None)
        assert bool(shown.filter(record)) is on_console
        assert file.filter(record)


def test_a_model_alone(tiny_model):
    text = describe_model(tiny_model)
    assert text == 'Linear, 2.05 k weights'
    tiny_model.bias.requires_grad_(False)
    assert describe_model(tiny_model) == 'Linear, 2.05 k weights, 2 frozen'


@pytest.fixture
def tiny_model():
    from torch import nn
    return nn.Linear(1024, 2)
