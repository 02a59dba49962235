"""Ways to spread or compile a model work, or one sentence says why not."""
import socket
from functools import partial

import pytest
import torch
from mmengine.config import Config

from mmxkd.engine.launch import build_runner
from mmxkd.engine.parallelism import check_parallel
from mmxkd.errors import ConfigError
from tests.helpers import toys
from tests.helpers.forked import run_ranks
from tests.helpers.tiny_pair import pair_config, write_pair


@pytest.mark.parametrize('key, stated, kind', [
    ('model_wrapper_cfg', dict(type='MMFullyShardedDataParallel'),
     'MMFullyShardedDataParallel'),
    ('model_wrapper_cfg', dict(type='MMSeparateDistributedDataParallel'),
     'MMSeparateDistributedDataParallel'),
    ('strategy', 'FSDPStrategy', 'FSDPStrategy'),
    ('strategy', dict(type='mmengine.FSDPStrategy'), 'FSDPStrategy'),
    ('strategy', dict(type='DeepSpeedStrategy'), 'DeepSpeedStrategy'),
    ('strategy', dict(type='ColossalAIStrategy'), 'ColossalAIStrategy'),
])
def test_refused(key, stated, kind):
    with pytest.raises(ConfigError) as error:
        build_runner(Config({key: stated}))
    text = str(error.value)
    assert text.startswith(f'{key}: {kind} is not supported: ')
    assert "type='MMDistributedDataParallel'" in text
    assert '\n' not in text


def test_a_class_and_a_wrapper_in_a_strategy():
    from mmengine._strategy import FSDPStrategy
    with pytest.raises(ConfigError, match='^strategy: FSDPStrategy is not'):
        check_parallel(dict(strategy=dict(type=FSDPStrategy)))
    inner = dict(type='MMFullyShardedDataParallel')
    with pytest.raises(ConfigError, match='^strategy.model_wrapper: MMFully'):
        check_parallel(
            dict(strategy=dict(type='DDPStrategy', model_wrapper=inner)))


def test_a_name_is_not_a_strategy():
    """mmengine says ``AssertionError``."""
    with pytest.raises(ConfigError, match=r"^strategy: .* dict\(type='DDPS"):
        check_parallel(dict(strategy='DDPStrategy'))


@pytest.mark.parametrize('cfg', [
    dict(),
    dict(model_wrapper_cfg=None, strategy=None),
    dict(model_wrapper_cfg=dict(static_graph=True)),
    dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel')),
    dict(model_wrapper_cfg=dict(type='MyWrapper')),
    dict(strategy=dict(type='DDPStrategy')),
    dict(strategy=dict(type='SingleDeviceStrategy')),
])
def test_all_else_is_left_to_mmengine(cfg):
    check_parallel(Config(cfg))


# Each way to share the model of a distillation among two processes.
WAYS: dict[str, dict] = {
    'default': dict(),
    'find_unused_parameters': dict(find_unused_parameters=True),
    'wrapper': dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel')),
    'static_graph': dict(
        model_wrapper_cfg=dict(type='MMDistributedDataParallel',
                               static_graph=True)),
    'bucket views, small buckets': dict(
        model_wrapper_cfg=dict(type='MMDistributedDataParallel',
                               gradient_as_bucket_view=True,
                               bucket_cap_mb=1)),
    'detect_anomalous_params': dict(
        model_wrapper_cfg=dict(type='MMDistributedDataParallel',
                               detect_anomalous_params=True)),
    'broadcast_buffers': dict(
        model_wrapper_cfg=dict(type='MMDistributedDataParallel',
                               broadcast_buffers=True)),
    'DDPStrategy': dict(runner_type='FlexibleRunner',
                        strategy=dict(type='DDPStrategy')),
    'DDPStrategy with options': dict(
        runner_type='FlexibleRunner',
        strategy=dict(
            type='DDPStrategy',
            model_wrapper=dict(type='MMDistributedDataParallel',
                               static_graph=True, broadcast_buffers=False))),
}  # yapf: disable


def _train_in_all_ways(config, folder):
    torch.set_num_threads(1)
    for name, way in WAYS.items():
        cfg = pair_config(config, folder / name, epochs=1)
        cfg.launcher = 'pytorch'
        cfg.env_cfg = dict(dist_cfg=dict(backend='gloo', timeout=60))
        cfg.merge_from_dict(way)
        runner = build_runner(cfg)
        runner.train()
        assert type(runner.model).__name__ == 'MMDistributedDataParallel'
        if runner.rank == 0:
            torch.save(runner.model.module.state_dict(),
                       folder / f'{name}.pth')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Folder with the weights of each way."""
    import mmdet.apis  # noqa: F401 - here, and not in each process
    folder = tmp_path_factory.mktemp('ways')
    config = write_pair(folder)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    done = run_ranks(
        partial(_train_in_all_ways, config, folder), 2, folder / 'log',
        environment=dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port)))
    assert [d.code for d in done] == [0, 0], done[0].output
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('way', [*WAYS][1:])
def test_two_processes_learn_the_same(trained, way):
    """Bit by bit, whatever the way."""
    ours, default = (torch.load(trained / f'{name}.pth', weights_only=True)
                     for name in (way, 'default'))
    assert ours.keys() == default.keys()
    assert any(key.startswith('distiller.') for key in ours)
    for key, value in default.items():
        assert torch.equal(ours[key], value), key


@pytest.mark.slow
def test_the_checkpoint_of_a_strategy_is_a_plain_one(trained):
    content = torch.load(trained / 'DDPStrategy/epoch_1.pth',
                         weights_only=True)
    stock = torch.load(trained / 'default/epoch_1.pth', weights_only=True)
    assert content['state_dict'].keys() == stock['state_dict'].keys()


@pytest.mark.slow
def test_a_compiled_step_is_the_same_step(tmp_path):
    """Teacher, student, recorders and losses, by ``cfg.compile``."""
    weights = []
    for compiled in (False, dict(backend='eager')):
        model = toys.build(
            loss_neck=toys.mse(), loss_head=toys.mse('bbox_head.cls@0',
                                                     'bbox_head.cls@0'))
        run = toys.runner(model, tmp_path / f'{bool(compiled)}',
                          cfg=dict(compile=compiled))
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        run.train()
        graphs = torch._dynamo.utils.counters['stats']['unique_graphs']
        assert bool(graphs) is bool(compiled)
        weights.append(model.state_dict())
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value)
