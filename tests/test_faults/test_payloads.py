"""Hostile files through every door: nothing runs, the error names the file."""
import urllib.request
import zipfile
from pathlib import Path

import mmengine
import pytest
import torch
from mmdet.apis import DetInferencer, init_detector
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as checkpoints

import mmxkd  # noqa: F401
from mmxkd.errors import CheckpointError
from mmxkd.registry import DATASETS, MODELS
from tests.helpers.detectors import narrow
from tests.helpers.payloads import CHECKPOINTS, CONFIGS, INFOS, object_array
from tests.helpers.tiny_run import write_config, write_data
from tests.helpers.toys import algorithm_cfg, runner, toy


@pytest.fixture
def hostile(tmp_path):
    """Writes a payload; checks that it did nothing, and was named."""
    marker = tmp_path / 'marker'

    class Hostile:

        path = tmp_path

        def write(self, writer) -> Path:
            self.path = writer(tmp_path, str(marker))
            return self.path

        def refused_by(self, read, *reasons) -> str:
            """The message of the error that ``read`` raises."""
            with pytest.raises(Exception) as error:  # noqa: PT011
                read()
            text = str(error.value)
            assert not marker.exists()
            assert str(self.path) in text
            # More than the name: what is wrong with it.
            assert len(text.replace(str(self.path), '').strip(': ')) > 10
            assert all(reason in text for reason in reasons)
            return text

    yield Hostile()
    assert not marker.exists()


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """Config of a stock detector, which its tools can build."""
    folder = tmp_path_factory.mktemp('tiny')
    write_data(folder / 'data')
    return write_config(folder / 'tiny.py', folder / 'data')


def _run(path, tmp_path, **how):
    torch.manual_seed(0)
    run = runner(MODELS.build(toy()), tmp_path / 'run', load_from=str(path),
                 **how)
    run.train()


def _teacher(path, **how):
    model = MODELS.build(
        algorithm_cfg(
            teacher=dict(dict(cfg=toy(), checkpoint=str(path)), **how)))
    model.init_weights()


def _pretrained(path):
    model = MODELS.build(
        dict(narrow('retinanet'), init_cfg=dict(type='Pretrained',
                                                checkpoint=str(path))))
    model.init_weights()


DOORS_OF_WEIGHTS = {
    'load_checkpoint':
    lambda path, *_: CheckpointLoader.load_checkpoint(str(path)),
    'load_from': lambda path, folder, _: _run(path, folder),
    'resume': lambda path, folder, _: _run(path, folder, resume=True),
    'teachers.checkpoint': lambda path, *_: _teacher(path),
    'init_cfg': lambda path, *_: _pretrained(path),
    'init_detector':
    lambda path, _, tiny: init_detector(str(tiny), str(path), device='cpu'),
    'DetInferencer':
    lambda path, _, tiny: DetInferencer(str(tiny), str(path), device='cpu'),
}  # yapf: disable


@pytest.mark.parametrize('door', DOORS_OF_WEIGHTS)
@pytest.mark.parametrize('payload', CHECKPOINTS)
def test_checkpoints(hostile, tmp_path, tiny, payload, door):
    path = hostile.write(CHECKPOINTS[payload])
    hostile.refused_by(lambda: DOORS_OF_WEIGHTS[door](path, tmp_path, tiny))


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Every URL and every store gives the bytes of one local file."""

    def serve(path, home=tmp_path / 'home'):
        content = path.read_bytes()
        monkeypatch.setenv('TORCH_HOME', str(home))
        monkeypatch.setattr(
            'torch.hub.download_url_to_file',
            lambda url, target, *args, **kw: Path(target).write_bytes(content))
        monkeypatch.setattr(urllib.request, 'urlopen', None)
        url = 'https://example.org/hostile.pth'
        for tables in ('torchvision_models', 'external_models',
                       'mmcls_models'):
            monkeypatch.setattr(checkpoints, f'get_{tables}',
                                lambda: {'hostile': url})
        monkeypatch.setattr(
            checkpoints, 'get_file_backend', lambda *args, **kwargs: type(
                'Store', (), dict(get=lambda self, name: content))())
        cloud = type(
            'Model', (),
            dict(
                name='hostile.pth', download=lambda self, target: Path(target).
                write_bytes(content)))
        modelcloud = type('Cloud', (), dict(get=lambda name: cloud()))
        monkeypatch.setitem(
            __import__('sys').modules, 'pavi',
            type('Pavi', (), dict(modelcloud=modelcloud)))

    return serve


SOURCES = {
    '': '{path}', 'http://': 'http://example.org/hostile.pth',
    'https://': 'https://example.org/hostile.pth',
    'torchvision://': 'torchvision://hostile',
    'modelzoo://': 'modelzoo://hostile', 'mmcls://': 'mmcls://hostile',
    'openmmlab://': 'openmmlab://hostile',
    'open-mmlab://': 'open-mmlab://hostile',
    'pavi://': 'pavi://hostile', r'(\S+\:)?s3://': 's3://box/hostile.pth',
    r'(\S+\:)?petrel://': 'petrel://box/hostile.pth',
}  # yapf: disable


def test_these_are_all_schemes_of_mmengine():
    assert set(SOURCES) == set(CheckpointLoader._schemes)


#: Payloads that any scheme can bring; the name says how a file is read.
ANY_SCHEME = [name for name in CHECKPOINTS if 'safetensors' not in name]


def test_a_dozen_kinds_and_more():
    assert len(ANY_SCHEME) >= 12


@pytest.mark.parametrize('scheme', SOURCES)
@pytest.mark.parametrize('forced', [False, True])
def test_every_scheme(tmp_path, served, monkeypatch, scheme, forced):
    """All payloads; also where PyTorch is told to read everything as code."""
    if forced:
        monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    for number, payload in enumerate(ANY_SCHEME):
        folder = tmp_path / str(number)
        folder.mkdir()
        marker = folder / 'marker'
        path = CHECKPOINTS[payload](folder, str(marker))
        served(path, home=folder / 'home')
        name = SOURCES[scheme].format(path=path)
        with pytest.raises(CheckpointError) as error:
            CheckpointLoader.load_checkpoint(name)
        assert not marker.exists(), payload
        assert str(error.value).startswith(f'{name}: '), payload


def test_a_local_file_of_openmmlab(hostile, served, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    path = hostile.write(CHECKPOINTS['state_dict'])
    monkeypatch.setattr(checkpoints, 'get_external_models',
                        lambda: {'hostile': str(path)})
    hostile.path = 'openmmlab://hostile'
    hostile.refused_by(lambda: CheckpointLoader.load_checkpoint(hostile.path))


def test_a_config_in_the_meta_is_not_run(hostile, tmp_path):

    def write(folder, marker):
        path = folder / 'hostile.pth'
        torch.save(
            dict(
                meta=dict(config=f'open({marker!r}, "w").close()', epoch=1,
                          iter=4), state_dict={}), path)
        return path

    path = hostile.write(write)
    hostile.refused_by(lambda: _run(path, tmp_path, resume=True),
                       "meta['config']")
    assert 'config' not in CheckpointLoader.load_checkpoint(str(path))['meta']


@pytest.mark.parametrize(
    'name', ['../outside', '/tmp/mmxkd_outside', 'archive/../../outside'])
def test_records_that_lead_out_of_an_archive(hostile, tmp_path, name):
    """Nothing is unpacked; a record outside of the archive is refused."""
    path = tmp_path / 'in' / 'hostile.pth'
    path.parent.mkdir()
    torch.save({'w': torch.ones(2)}, path)
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr(name, 'x')
    hostile.path = path
    hostile.refused_by(lambda: CheckpointLoader.load_checkpoint(str(path)))
    assert not (tmp_path / 'outside').exists()
    assert not Path('/tmp/mmxkd_outside').exists()
    assert [p.name for p in path.parent.iterdir()] == ['hostile.pth']


def _based_on(path, name, text):
    child = path.with_name(name)
    child.write_text(text.format(path=path.name))
    return Config.fromfile(child)


DOORS_OF_CONFIGS = {
    'Config.fromfile': lambda path: Config.fromfile(path),
    'mmengine.load': lambda path: Config(mmengine.load(str(path))),
    'base of .yaml': lambda path: _based_on(path, 'b.yaml', '_base_: {path}'),
    'base of .json':
    lambda path: _based_on(path, 'b.json', '{{"_base_": "{path}"}}'),
    'base of .py': lambda path: _based_on(path, 'b.py', '_base_ = "{path}"'),
    'base of a base': lambda path: _based_on(path, 'b.yaml', '_base_: {path}')
    or _based_on(path.with_name('b.yaml'), 'c.py', '_base_ = ["{path}"]'),
    'teachers.cfg': lambda path: _teacher('none.pth', cfg=str(path)),
    'init_detector': lambda path: init_detector(str(path), device='cpu'),
    'DetInferencer': lambda path: DetInferencer(str(path), device='cpu'),
}  # yapf: disable


@pytest.mark.parametrize('door', DOORS_OF_CONFIGS)
@pytest.mark.parametrize('payload', CONFIGS)
def test_configs(hostile, payload, door):
    path = hostile.write(CONFIGS[payload])
    if (payload, door) == ('JSON deep', 'mmengine.load'):
        # Python reads it; only a config of that depth is too deep.
        assert mmengine.load(str(path))
        return
    hostile.refused_by(lambda: DOORS_OF_CONFIGS[door](path))


@pytest.mark.slow
@pytest.mark.parametrize('tool', ['train', 'test'])
def test_the_tools(hostile, repo, run_python, tmp_path, tool):
    path = hostile.write(CONFIGS['apply'])
    more = ['none.pth'] if tool == 'test' else []
    done = run_python(repo / f'tools/{tool}.py', path, *more, check=False,
                      cwd=tmp_path)
    assert done.returncode != 0
    if tool == 'train':
        assert f'{path}: line 1: refused: `!!python/' in done.stderr


class Infos(BaseDataset):
    """mmengine's own reader of an ``ann_file``."""


DOORS_OF_INFOS = {
    'BaseDataset': lambda path: Infos(str(path), pipeline=[]),
    'KittiDataset': lambda path: DATASETS.build(
        dict(type='mmxkd.KittiDataset', ann_file=str(path), pipeline=[])),
    'CocoDataset': lambda path: DATASETS.build(
        dict(type='mmdet.CocoDataset', ann_file=str(path), pipeline=[])),
    'STFDataset': lambda path: DATASETS.build(
        dict(type='mmxkd.STFDataset', ann_file=str(path), pipeline=[])),
}  # yapf: disable


@pytest.mark.parametrize('door', DOORS_OF_INFOS)
@pytest.mark.parametrize('payload', INFOS)
def test_annotations(hostile, payload, door):
    path = hostile.write(INFOS[payload])
    hostile.refused_by(lambda: DOORS_OF_INFOS[door](path))


def test_arrays_of_objects(hostile):
    """mmdet's data set of Open Images reads its class tree from one."""
    from mmdet.datasets import OpenImagesChallengeDataset
    path = hostile.write(object_array)
    data = OpenImagesChallengeDataset.__new__(OpenImagesChallengeDataset)
    data.backend_args = None
    hostile.refused_by(lambda: data._get_relation_matrix(str(path)), 'refused')


def test_the_payloads_do_run_where_readers_trust_them(tmp_path):
    """Else the tests above would show nothing."""
    import pickle  # noqa: S403

    import numpy as np
    import yaml
    marker = tmp_path / 'marker'

    def runs(read):
        assert not marker.exists()
        read()
        assert marker.exists()
        marker.unlink()

    for name in ('state_dict', 'meta', 'optimizer', 'exec', 'subprocess',
                 'Path.touch', 'protocol 0', 'protocol 5', 'before 1.6'):
        path = CHECKPOINTS[name](tmp_path, str(marker))
        runs(lambda: torch.load(path, weights_only=False))  # noqa: B023
    for name in ('apply', 'key', 'other prefix'):
        text = CONFIGS[name](tmp_path, str(marker)).read_text()
        runs(lambda: yaml.load(text, yaml.CLoader))  # noqa: B023, S506
    for name in ('.pkl, protocol 0', '.pkl, protocol 5'):
        data = INFOS[name](tmp_path, str(marker)).read_bytes()
        runs(lambda: pickle.loads(data))  # noqa: B023, S301
    path = object_array(tmp_path, str(marker))
    runs(lambda: np.load(path, allow_pickle=True))
