"""The converters of published SSDs as a user calls them."""
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.engine.published import convert_mb2_ssd_lite, fold_first_layer
from mmxkd.engine.published.files import convert_file
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.registry import MODELS
from tests.helpers.commands import load_tool


class NotPlain:
    """An object that needs code to be read."""


@pytest.fixture(scope='module')
def student_file(shared_data, tmp_path_factory):
    with np.load(shared_data / 'ssd_golden/published_keys.npz') as file:
        shapes = {
            str(k): json.loads(str(s))
            for k, s in zip(file['mb2_ssd_lite_names'],
                            file['mb2_ssd_lite_shapes'], strict=True)
        }
    path = tmp_path_factory.mktemp('published') / 'mb2-ssd-lite.pth'
    torch.save({k: torch.rand(s) + .5 for k, s in shapes.items()}, path)
    return path


def test_student(repo, run_python, tmp_path, student_file):
    out = tmp_path / 'student.pth'
    done = run_python(repo / 'tools/model_converters/mb2_ssd_lite.py',
                      student_file, out)
    assert 'used: 478 tensors\ndropped: 0 (none)' in done.stdout
    content = torch.load(out, weights_only=True)
    assert len(content['state_dict']) == 478
    assert content['meta']['dataset_meta']['classes'][0] == 'aeroplane'


def test_bad_files_are_answered(repo, run_python, tmp_path, student_file):
    tool = repo / 'tools/model_converters/mb2_ssd_lite.py'
    cut = tmp_path / 'cut.pth'
    cut.write_bytes(student_file.read_bytes()[:100_000])
    done = run_python(tool, cut, tmp_path / 'out.pth', check=False)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    last = done.stderr.strip().split('\n')[-1]
    assert last.startswith('error: ') and 'cut.pth' in last


CONFIG = 'configs/ssd_kd/mb2-ssdlite_voc_tiny.py'


@pytest.mark.parametrize('content, reason', [
    ({'base_net.0.0.weight': torch.ones(3)}, r'has the shape \[3\]'),
    ({'base_net.0.0.weight': torch.full(
        (3, ), float('nan'))}, 'is not finite'),
    (dict(model=NotPlain()), 'refused, because reading it would run'),
])
def test_files_that_do_not_fit(repo, tmp_path, content, reason):
    source = tmp_path / 'a.pth'
    torch.save(content, source)
    with pytest.raises(CheckpointError, match=reason) as caught:
        convert_file(str(source), tmp_path / 'out.pth', str(repo / CONFIG),
                     convert_mb2_ssd_lite)
    assert 'a.pth' in str(caught.value)
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize('out, reason', [
    ('a.pth', 'would replace the file'),
    ('b.safetensors', 'must end in .pth'),
])
def test_names_of_the_output(repo, tmp_path, out, reason):
    source = tmp_path / 'a.pth'
    source.touch()
    with pytest.raises(ConfigError, match=reason):
        convert_file(str(source), tmp_path / out, str(repo / CONFIG),
                     convert_mb2_ssd_lite)


def plain_vgg(repo):
    """The tiny teacher without norms, as the published one is."""
    cfg = Config.fromfile(repo / 'configs/ssd_kd/vgg16-ssd_voc_tiny.py').model
    cfg.backbone.norm_cfg = cfg.neck.norm_cfg = None
    return cfg


def test_folding_needs_turned_colours(repo):
    init_default_scope('mmdet')
    cfg = plain_vgg(repo)
    model = MODELS.build(cfg)
    state = model.state_dict()
    before = state['backbone.features.0.weight'].clone()
    fold_first_layer(state, model)
    torch.testing.assert_close(state['backbone.features.0.weight'],
                               before.flip(1) * 128)
    cfg.data_preprocessor.bgr_to_rgb = False
    with pytest.raises(ConfigError, match='no bgr_to_rgb=True'):
        fold_first_layer(state, MODELS.build(cfg))


def test_folding_is_for_the_published_file_alone(repo, tmp_path):
    """A trained teacher has seen the pictures of our configs already."""
    init_default_scope('mmdet')
    source = tmp_path / 'trained.pth'
    torch.save({'vgg.0.weight': torch.ones(64, 3, 3, 3)}, source)
    tool = load_tool(repo / 'tools/model_converters/ssd300.py')
    with pytest.raises(
            ConfigError, match='trained.pth is not the published '
            'file .* no L2Norm.weight'):
        tool.main([
            str(source),
            str(tmp_path / 'out.pth'), '--fold-input', '--config',
            str(repo / 'configs/ssd_kd/vgg16-ssd_voc_tiny.py')
        ])
    assert not (tmp_path / 'out.pth').exists()


def test_folding_needs_a_normalisation(repo):
    init_default_scope('mmdet')
    cfg = plain_vgg(repo)
    cfg.data_preprocessor.update(mean=None, std=None)
    model = MODELS.build(cfg)
    with pytest.raises(ConfigError, match='has no mean and std'):
        fold_first_layer(model.state_dict(), model)
