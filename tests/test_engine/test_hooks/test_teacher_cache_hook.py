"""A run whose teacher is cached is the run whose teacher is live."""
import pytest

from mmxkd.errors import ConfigError
from tests.helpers.tiny_pair import train, write_pair


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp('pair'))


def without_colours(cfg, **cache):
    """No PhotoMetricDistortion; the RandomFlip stays."""
    pipeline = cfg.train_dataloader.dataset.pipeline
    pipeline[:] = [t for t in pipeline if 'Photo' not in t['type']]
    if cache:
        cfg.model.teachers.wide.cache = cache


def losses(runner):
    """All losses of all iterations, by name."""
    return {
        name: [float(value) for value in scalars.data[0]]
        for name, scalars in runner.message_hub.log_scalars.items()
        if 'loss' in name
    }


def test_the_same_losses_in_three_epochs(config, tmp_path):
    """To 1e-6: a batch with one miss runs that frame alone."""
    cache = dict(dir=str(tmp_path / 'cache'))
    live = train(config, tmp_path / 'live', without_colours, 3)
    cached = train(config, tmp_path / 'cached',
                   lambda cfg: without_colours(cfg, **cache), 3)
    expected, found = losses(live), losses(cached)
    assert expected.keys() == found.keys() and len(expected) == 5
    for name, values in expected.items():
        assert len(values) == 12
        assert found[name] == pytest.approx(values, rel=1e-6), name
    log = next((tmp_path / 'cached').rglob('*.log')).read_text()
    assert "cache of teacher 'wide': 0 frames read, 8 computed" in log
    # Each frame in two directions.
    assert '0 of 16 frames are there' in log
    assert 'cache of teacher' not in next(
        (tmp_path / 'live').rglob('*.log')).read_text()

    # A second run of the same draws finds every frame.
    train(config, tmp_path / 'again',
          lambda cfg: without_colours(cfg, **cache), 1)
    log = next((tmp_path / 'again').rglob('*.log')).read_text()
    assert "cache of teacher 'wide': 8 frames read, 0 computed" in log


def test_a_pipeline_that_draws_is_refused_before_the_first_step(
        config, tmp_path):

    def change(cfg):
        cfg.model.teachers.wide.cache = dict(dir=str(tmp_path / 'cache'))

    with pytest.raises(
            ConfigError, match='The first transform that draws is '
            'PhotoMetricDistortion'):
        train(config, tmp_path / 'run', change)
    assert not (tmp_path / 'cache').exists()
