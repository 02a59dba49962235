"""Tiny drives, converted, and the pipelines of the config for them."""
import shutil

import pytest
from mmdet.utils import register_all_modules
from mmengine.config import Config

from tests.helpers.mavd_dataset import converted
from tests.helpers.mavd_tree import RATE, write_tree


@pytest.fixture(scope='module')
def mavd_scope():
    register_all_modules(init_default_scope=False)


@pytest.fixture(scope='module')
def drives(mavd_scope, tmp_path_factory):
    return converted(write_tree(tmp_path_factory.mktemp('drives')))


@pytest.fixture
def root(drives, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(drives, tmp_path / 'drives')


@pytest.fixture
def pipelines(repo, tmp_path):
    """Those of the config, for the short clips of the tests."""
    cfg = Config.fromfile(repo / 'configs/_base_/datasets/mavd.py')
    text = cfg.pretty_text.replace(
        "holds='waveform'", f"holds='waveform', sample_rate={RATE}").replace(
            "type='mmxkd.LogMelSpectrogram'",
            f"type='mmxkd.LogMelSpectrogram', sample_rate={RATE}, n_fft=256, "
            'hop=64, n_mels=20').replace('768',
                                         '96').replace('(21800,', '(21000,')
    path = tmp_path / 'short.py'
    path.write_text(text)
    return Config.fromfile(path)
