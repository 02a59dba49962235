"""Published monocular detectors: every tensor used, classes in our order."""
import runpy

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmxkd.engine.published.files import convert_file
from mmxkd.engine.published.mono3d import CLASSES, converter
from mmxkd.errors import CheckpointError, ConfigError
from tests.helpers.golden_mono import fill_layer
from tests.helpers.stacks import needs

needs('mmdet3d')

OURS = ('Pedestrian', 'Cyclist', 'Car')
SIZE = (96, 160)
CONFIGS = dict(did='student.py', gup='student_gup.py')


def network(kind: str):
    """Of the original class order, with the weights of the golden files."""
    from tests.helpers.golden_mono_network import Network
    torch.manual_seed(0)
    return Network(kind).float().eval()


def published(found, kind: str, folder) -> dict:
    """The state of a network under its published names."""
    with np.load(folder / f'net_{kind}.npz') as golden:
        table = list(
            zip(golden['layer_k'].tolist(), golden['layer_name'].tolist(),
                golden['layer_kind'].tolist(), strict=True))
    layers = found.layers()
    state = {}
    for k, name, sort in table:
        fill_layer(layers[name], k, name, sort)
        for part, value in layers[name].state_dict().items():
            state[f'{name}.{part}'] = value
    state['mean_size'] = found.head.mean_size.data
    return state


@pytest.fixture(scope='module')
def files(mono_golden, tmp_path_factory) -> dict:
    """A network and its file, of each kind."""
    root, found = tmp_path_factory.mktemp('published'), {}
    for kind in CONFIGS:
        own = network(kind)
        with torch.no_grad():
            state = published(own, kind, mono_golden)
        state['backbone.fc.weight'] = torch.ones(1000, 512, 1, 1)
        path = root / f'{kind}.pth'
        torch.save(dict(epoch=150, model_state=state, optimizer_state={}),
                   path)
        found[kind] = own, state, path
    return found


def convert(repo, source, out, kind='did', name='did_m3d', **options):
    init_default_scope('mmdet3d')
    return convert_file(str(source), out,
                        str(repo / 'configs/monommkd' / CONFIGS[kind]),
                        converter(name, OURS, **options), classes=OURS)


@pytest.mark.parametrize('kind, name', [('did', 'did_m3d'), ('gup', 'gupnet')])
@torch.no_grad()
def test_the_converted_network_is_the_published_one(files, repo, tmp_path,
                                                    kind, name):
    """Heatmaps and regions agree, class by class."""
    from mmengine.config import Config

    from mmxkd.mono3d.geometry import Cameras
    from mmxkd.mono3d.roi_branch import Cells
    from mmxkd.registry import MODELS
    original, state, path = files[kind]
    done = convert(repo, path, tmp_path / 'out.pth', kind, name)
    assert done.dropped == ('backbone.fc.weight', ) and not done.fresh
    assert len(done.names) == len(state) - 1
    cfg = Config.fromfile(repo / 'configs/monommkd' / CONFIGS[kind])
    model = MODELS.build(cfg.model).eval()
    content = torch.load(tmp_path / 'out.pth', weights_only=True)
    assert content['meta']['dataset_meta']['classes'] == OURS
    model.load_state_dict(content['state_dict'])

    picture = torch.randn(1, 3, *SIZE)
    cameras = Cameras(
        torch.tensor([[[200., 0, 80, 9], [0, 200, 48, -.2], [0, 0, 1, 0]]]),
        torch.tensor([[[0., 0.], [160., 96.]]]), 'by_z')
    outputs = []
    for own, labels in ((original, CLASSES), (model, OURS)):
        head = getattr(own, 'head', None) or own.bbox_head
        levels = own.backbone(picture)
        if own is original:
            levels = levels[2:]
        x = own.neck(levels)
        dense = head(x)
        # A car, a pedestrian and a cyclist, by their own indices.
        index = torch.tensor(
            [labels.index(n) for n in ('Car', 'Pedestrian', 'Cyclist')])
        cells = Cells(
            torch.zeros(3).long(), torch.tensor([100, 333, 600]), index)
        rows = head.regions(x, dense, cells, cameras)
        outputs.append(
            dict(rows, heatmap=dense['heatmap'][:, index],
                 mean=head.mean_size[index]))
    for key, value in outputs[0].items():
        torch.testing.assert_close(outputs[1][key], value, rtol=1e-4,
                                   atol=1e-5, msg=key)


def test_one_network_of_a_distillation(files, repo, tmp_path):
    _, state, _ = files['did']
    both = {
        f'centernet_{part}.{name}': value + (part == 'depth')
        for part in ('rgb', 'depth') for name, value in state.items()
    }
    both['adapt.0.weight'] = torch.ones(2)
    source = tmp_path / 'both.pth'
    torch.save(dict(model_state=both), source)
    with pytest.raises(CheckpointError, match='adapt.0.weight .* left over'):
        convert(repo, source, tmp_path / 'out.pth', name='monoskd',
                part='depth')
    assert not (tmp_path / 'out.pth').exists()
    done = convert(repo, source, tmp_path / 'out.pth', name='monoskd',
                   part='depth', left_out=['adapt.'])
    assert len(done.names) == len(state) - 1
    assert len(done.dropped) == len(state) + 2
    torch.testing.assert_close(done.state['neck.ida_0.up_1.weight'],
                               state['feat_up.ida_0.up_1.weight'] + 1)
    with pytest.raises(CheckpointError, match="starts with 'adopt.'"):
        convert(repo, source, tmp_path / 'out.pth', name='monoskd',
                part='depth', left_out=['adopt.'])


def test_the_backbone_of_imagenet(files, repo, tmp_path):
    _, state, _ = files['did']
    imagenet = {
        name.removeprefix('backbone.'): value for name, value in state.items()
        if name.startswith('backbone.')
    }
    source = tmp_path / 'dla34.pth'
    torch.save(imagenet, source)
    done = convert(repo, source, tmp_path / 'out.pth', name='dla34')
    assert set(done.state) == {
        new for new in done.state if new.startswith('backbone.')
    }
    assert {name.split('.')[0] for name in done.fresh} == {'neck', 'bbox_head'}
    from mmxkd.mono3d import MonoDLANet
    backbone = MonoDLANet(init_cfg=dict(type='Pretrained', checkpoint=str(
        tmp_path / 'out.pth'), prefix='backbone.'))
    backbone.init_weights()
    for name, value in backbone.state_dict().items():
        assert (value == done.state[f'backbone.{name}']).all(), name


def test_what_does_not_fit(files, repo, tmp_path):
    _, _, path = files['gup']
    with pytest.raises(CheckpointError, match='depth.0.weight'):
        convert(repo, path, tmp_path / 'out.pth', 'did')
    with pytest.raises(ConfigError, match='published files'):
        converter('did_m3d', ('Car', ))
    with pytest.raises(ConfigError, match="'rgb'"):
        converter('monoskd', OURS, part='rbg')


def test_which_network_of_a_distillation(files, repo, tmp_path):
    """Said at once, not of the first tensor that has no place."""
    _, state, path = files['did']
    both = {
        f'centernet_{p}.{n}': v for p in ('rgb', 'depth')
        for n, v in state.items()
    }
    source = tmp_path / 'both.pth'
    torch.save(dict(model_state=both), source)
    with pytest.raises(
            CheckpointError, match=r"both.pth holds the networks "
            r"\['rgb', 'depth'\] of a distillation: say which"):
        convert(repo, source, tmp_path / 'out.pth', name='monoskd')
    with pytest.raises(CheckpointError, match="did.pth: .*no part 'rgb': "
                       'leave --part out'):
        convert(repo, path, tmp_path / 'out.pth', part='rgb')
    assert not (tmp_path / 'out.pth').exists()


def test_the_tool(files, repo, run_python, tmp_path):
    _, _, path = files['did']
    done = run_python(repo / 'tools/model_converters/mono3d.py', 'did_m3d',
                      path, tmp_path / 'out.pth')
    assert 'dropped: 1 (backbone.fc.weight)' in done.stdout
    bad = run_python(repo / 'tools/model_converters/mono3d.py', 'dla34', path,
                     tmp_path / 'out2.pth', check=False)
    assert bad.returncode == 1 and 'Traceback' not in bad.stderr
    assert 'which the model does not have' in bad.stderr


def test_the_tool_says_what_the_network_expects(repo, files, tmp_path, capsys):
    """The geometry of the originals; a backbone alone has none."""
    tool = runpy.run_path(str(repo / 'tools/model_converters/mono3d.py'))
    _, state, path = files['did']
    tool['main'](['did_m3d', str(path), str(tmp_path / 'did.pth')])
    said = capsys.readouterr().out
    for setting in ("projection='by_z'", 'released_range=True',
                    "depth='linear'"):
        assert setting in said
    start = 'backbone.'
    own = {
        name.removeprefix(start): value for name, value in state.items()
        if name.startswith(start)
    }
    torch.save(own, tmp_path / 'in.pth')
    tool['main'](['dla34', str(tmp_path / 'in.pth'), str(tmp_path / 'o.pth')])
    assert 'by_z' not in capsys.readouterr().out
