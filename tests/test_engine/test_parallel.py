"""Ways to spread a model over processes that are refused in one sentence."""
import pytest
from mmengine.config import Config

from mmxkd.engine.launch import build_runner
from mmxkd.engine.parallel import check_parallel
from mmxkd.errors import ConfigError


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


@pytest.mark.parametrize('cfg', [
    dict(),
    dict(model_wrapper_cfg=None, strategy=None),
    dict(model_wrapper_cfg=dict(static_graph=True)),
    dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel')),
    dict(model_wrapper_cfg=dict(type='MyWrapper')),
    dict(strategy='DDPStrategy'),
    dict(strategy=dict(type='SingleDeviceStrategy')),
])
def test_all_else_is_left_to_mmengine(cfg):
    check_parallel(Config(cfg))
