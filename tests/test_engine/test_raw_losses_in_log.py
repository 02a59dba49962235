"""A loss and its raw value in one line of the log belong together."""
import json
import re

import pytest
from mmengine.config import Config

from mmxkd.engine import launch
from tests.helpers.tiny_pair import train, write_pair

WEIGHT = 0.5


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp('log'))


@pytest.mark.parametrize('window', [1, 3, 50])
def test_loss_is_weight_times_raw(config, tmp_path, window):

    def change(cfg):
        cfg.log_processor = dict(type='LogProcessor', window_size=window)

    runner = train(config, tmp_path, change, epochs=2)
    text = next(tmp_path.glob('*/*.log')).read_text()
    lines = re.findall(
        r'distill/loss_feature: ([\d.]+)  distill/raw_feature: ([\d.]+)', text)
    assert len(lines) == 8
    for loss, raw in lines:
        # Four digits are written of each.
        assert float(loss) == pytest.approx(WEIGHT * float(raw), abs=1e-4)
    scalars = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    written = [json.loads(line) for line in scalars.splitlines()]
    written = [line for line in written if 'distill/raw_feature' in line]
    assert len(written) == 8
    for line in written:
        assert line['distill/loss_feature'] == pytest.approx(
            WEIGHT * line['distill/raw_feature'])
    # It is an average, where the window is wider than one iteration.
    values = runner.message_hub.get_scalar('train/distill/raw_feature').data[0]
    last = values[-window:].mean()
    assert written[-1]['distill/raw_feature'] == pytest.approx(last)


def test_in_tensorboard_too(config, tmp_path):
    from tensorboard.backend.event_processing import event_accumulator

    def change(cfg):
        cfg.visualizer.vis_backends.append(dict(type='TensorboardVisBackend'))

    train(config, tmp_path, change, epochs=2)
    (file, ) = tmp_path.glob('*/vis_data/events.*')
    board = event_accumulator.EventAccumulator(str(file)).Reload()
    loss, raw = ([event.value for event in board.Scalars(f'distill/{name}')]
                 for name in ('loss_feature', 'raw_feature'))
    assert len(raw) == 8 and len(set(raw)) > 1
    assert loss == pytest.approx([WEIGHT * value for value in raw])


def test_the_shipped_runtime_says_it_itself():
    """For tools other than ours, which read the config alone."""
    cfg = Config.fromfile('configs/_base_/default_runtime.py')
    pattern = cfg.log_processor.mean_pattern
    for name in ('distill/raw_feature', 'distill/loss_feature', 'loss_cls',
                 'time', 'grad_norm'):
        assert re.search(pattern, name)
    assert not re.search(pattern, 'lr')
    launch.log_together(cfg)
    assert cfg.log_processor.mean_pattern == pattern
